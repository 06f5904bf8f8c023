/** What others use of the toolchain. */

import { chromiumPart, gitPart, postgresPart, tmuxPart } from "../lab/build/commands.ts";
import { dropletImagePart } from "../lab/build/droplet-image.ts";
import type { Part } from "./part.ts";
import { baseImagePart } from "./parts/base-image.ts";
import { dockerPart } from "./parts/docker.ts";
import { pluginsPart } from "./parts/plugins.ts";
import { pulumiPart } from "./parts/pulumi.ts";
import { traefikPart } from "./parts/traefik.ts";

export { provision } from "./provision.ts";

/** What the stack on this machine needs, in the order in which one needs another. */
export const platformParts = (baseImage?: string): readonly Part[] => [
  dockerPart,
  pulumiPart,
  pluginsPart,
  baseImagePart(baseImage),
  traefikPart,
];

/** What the tests need besides. */
export const testParts: readonly Part[] = [gitPart, tmuxPart, chromiumPart];

/** What the tests of production need besides. */
export const productionTestParts: readonly Part[] = [dropletImagePart, postgresPart];
