/** References to the images that are taken from registries. */
import { realClouds } from "./stack/stand-ins.ts";
import { IMAGE_DIGESTS, withDigest } from "./versions.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/** How a stack on a droplet refers to an image: by its digest, unless the clouds are the tests' own, whose droplets have images loaded by tag. */
export const imageOnDroplet = (
  image: string,
  config: Variables,
  env: Variables,
  digests: Variables = IMAGE_DIGESTS,
): string => (realClouds(config, env).length > 0 ? withDigest(image, digests) : image);
