import { BASE_IMAGE } from "../../config/versions.ts";
import { findImage, pullImage } from "../lib/image.ts";
import type { Part } from "../part.ts";

/** The image that opencode's is built from: the pinned one, or another that the settings name. */
export const baseImagePart = (image: string = BASE_IMAGE): Part => ({
  name: `image ${image}`,
  remedy: `pull or load the image ${image} into Docker`,
  find: (context) => findImage(image, context),
  download: (context) => pullImage(image, context),
});
