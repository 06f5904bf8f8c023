/** What the lab builds where only package registries can be reached. */
import type { Builders } from "../../toolchain/part.ts";
import { baseImagePart } from "../../toolchain/parts/base-image.ts";
import { pluginsPart } from "../../toolchain/parts/plugins.ts";
import { pulumiPart } from "../../toolchain/parts/pulumi.ts";
import { traefikPart } from "../../toolchain/parts/traefik.ts";
import { install } from "../plugins/install.ts";
import { buildBaseImage } from "./base-image.ts";
import { buildDropletImage, dropletImagePart } from "./droplet-image.ts";
import { buildPlugins } from "./plugins.ts";
import { buildPulumi } from "./pulumi.ts";
import { buildS3Server, s3ServerPart } from "./s3-server.ts";
import { buildTraefik } from "./traefik.ts";

/** For the stack `local` and for tests; never for a stack in a real cloud. */
export const builders: Builders = {
  builds: {
    [pulumiPart.name]: buildPulumi,
    [pluginsPart.name]: buildPlugins,
    [baseImagePart().name]: buildBaseImage,
    [traefikPart.name]: buildTraefik,
    [dropletImagePart.name]: buildDropletImage,
    [s3ServerPart.name]: buildS3Server,
  },
  installStandIns: (dir) => install(dir, process.execPath),
};
