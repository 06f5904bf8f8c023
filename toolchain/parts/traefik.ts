import { TRAEFIK_IMAGE } from "../../config/versions.ts";
import { findImage, pullImage } from "../lib/image.ts";
import type { Part } from "../part.ts";

export const traefikPart: Part = {
  name: `image ${TRAEFIK_IMAGE}`,
  remedy: `pull or load the image ${TRAEFIK_IMAGE} into Docker`,
  find: (context) => findImage(TRAEFIK_IMAGE, context),
  download: (context) => pullImage(TRAEFIK_IMAGE, context),
};
