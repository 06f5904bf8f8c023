import "./components/quick-start.ts";
import * as pulumi from "@pulumi/pulumi";
import { localHost } from "./components/host.ts";
import { OpencodeImage } from "./components/image.ts";
import { loadPlatform } from "./components/load.ts";
import { Network } from "./components/network.ts";
import { OpencodeProject } from "./components/project.ts";
import { TraefikProxy } from "./components/proxy.ts";

const { settings, names, urls, entries, secretsOf, rotationOf } = await loadPlatform(import.meta.dirname);

const host = localHost(settings, import.meta.dirname);
const network = new Network("network", { host, names });
const image = new OpencodeImage("image", {
  host,
  names,
  baseImage: settings.baseImage,
  context: `${import.meta.dirname}/opencode`,
});
const proxy = new TraefikProxy("traefik", {
  host,
  names,
  network: network.name,
  image: image.reference,
  port: settings.port,
});

const opencodes = entries.map(
  (project) =>
    new OpencodeProject({
      host,
      names,
      urls,
      project,
      network: network.name,
      image: image.reference,
      routesDir: proxy.routesDir,
      secrets: secretsOf(project),
      passwordRotation: rotationOf(project.name),
    }),
);

/** By name, how to reach each project. */
export const projects = pulumi.output(
  Object.fromEntries(opencodes.map(({ name, access }) => [name, access])),
);
