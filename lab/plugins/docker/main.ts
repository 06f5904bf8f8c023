/** Stand-in for pulumi-resource-docker: networks, volumes, images and containers. */
import { serveProvider } from "../shared/provider.ts";
import { checkConfig, configure } from "./client.ts";
import { container } from "./container.ts";
import { image } from "./image.ts";
import { network } from "./network.ts";
import { remoteImage } from "./remoteImage.ts";
import { volume } from "./volume.ts";

await serveProvider({
  name: "docker",
  resources: {
    "docker:index/container:Container": container,
    "docker:index/image:Image": image,
    "docker:index/network:Network": network,
    "docker:index/remoteImage:RemoteImage": remoteImage,
    "docker:index/volume:Volume": volume,
  },
  checkConfig,
  configure,
});
