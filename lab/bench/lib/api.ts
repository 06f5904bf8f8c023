import { OPENCODE } from "../../../config/versions.ts";
import { apiFor } from "../../../opencode/api/index.ts";

/** The API of the release that the measured projects run. */
export const projectApi = apiFor(OPENCODE);
