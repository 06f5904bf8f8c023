import { BASE_IMAGE } from "../../config/versions.ts";
import { findImage, pullImage } from "../lib/image.ts";
import type { Part } from "../part.ts";

/** The base of opencode's image: the pinned one, or the settings'. */
export const baseImagePart = (image: string = BASE_IMAGE): Part => ({
  name: `image ${image}`,
  remedy: `pull or load the image ${image} into Docker`,
  find: (context) => findImage(image, context),
  download: (context) => pullImage(image, context),
});
