/** What others use of the toolchain. */
import type { Part } from "./part.ts";
import { baseImagePart } from "./parts/base-image.ts";
import { dockerPart } from "./parts/docker.ts";
import { pluginsPart } from "./parts/plugins.ts";
import { pulumiPart } from "./parts/pulumi.ts";
import { traefikPart } from "./parts/traefik.ts";

export { offeredBuilders } from "./builders.ts";
export type { Builders } from "./part.ts";
export { provision } from "./provision.ts";

/** What the stack on this machine needs, in the order in which one needs another. */
export const platformParts = (baseImage?: string): readonly Part[] => [
  dockerPart,
  pulumiPart,
  pluginsPart,
  baseImagePart(baseImage),
  traefikPart,
];
