/** The toolchain's public interface. */
import type { Part } from "./part.ts";
import { baseImagePart } from "./parts/base-image.ts";
import { dockerPart } from "./parts/docker.ts";
import { pluginsPart } from "./parts/plugins.ts";
import { pulumiPart } from "./parts/pulumi.ts";
import { traefikPart } from "./parts/traefik.ts";

export { offeredBuilders } from "./builders.ts";
export type { Builders } from "./part.ts";
export { provision } from "./provision.ts";

/** Parts for this machine's stack, in the order of their dependencies. */
export const platformParts = (baseImage?: string): readonly Part[] => [
  dockerPart,
  pulumiPart,
  pluginsPart,
  baseImagePart(baseImage),
  traefikPart,
];
