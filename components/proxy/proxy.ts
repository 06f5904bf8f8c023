import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { INDEX_DIR, type Names, ROUTES_DIR } from "../../config/naming/names.ts";
import type { PublicUrls } from "../../config/naming/urls.ts";
import { TRAEFIK_IMAGE } from "../../config/versions.ts";
import { hardenedOptions, labelList } from "../host/container.ts";
import { type Host, onHost } from "../host/host.ts";
import { answerFlags, gatewayFile, gatewayScript, pluginMount } from "./answers.ts";
import { noticePageLabels } from "./notice-labels.ts";

export interface ProxyArgs {
  host: Host;
  names: Names;
  /** Network of the notice page. */
  network: pulumi.Input<string>;
  /** Image of the notice page: the projects' own. */
  image: pulumi.Input<string>;
  /** Volume of the socket by which the notice page wakes projects. */
  wakeVolume: pulumi.Input<string>;
  /** Volume of Docker's socket for the gateway, with less than Docker gives. */
  dockerVolume: pulumi.Input<string>;
  /** What serves that socket: Traefik is made after it, and is not replaced with it. */
  keeper: pulumi.Resource;
  /** Port on 127.0.0.1 of the host. */
  port: number;
  /** At whose hostname of the panel the notice page lists the projects. Default: nowhere. */
  urls?: PublicUrls | undefined;
}

/**
 * Traefik on the host's network, bound to loopback, with the notice page beside it. It finds projects by their containers' labels and by
 * files in `<runtimeDir>/routes`, so that a new project never touches it.
 */
export class TraefikProxy extends pulumi.ComponentResource {
  /** Directory on the host of the projects' route files. */
  readonly routesDir: string;
  /** Directory on the host of the projects' index files, where they are listed. */
  readonly indexDir?: string;

  constructor(name: string, args: ProxyArgs, opts?: pulumi.ComponentResourceOptions) {
    super("opencode:platform:Proxy", name, {}, opts);
    this.routesDir = join(args.host.runtimeDir, ROUTES_DIR);
    if (args.urls) this.indexDir = join(args.host.runtimeDir, INDEX_DIR);
    const notice = this.serveNotices(args);
    this.runTraefik(name, args, [args.keeper, notice, this.writeGatewayFiles(args)]);
    this.registerOutputs({ routesDir: this.routesDir });
  }

  private serveNotices({ host, names, network, image, wakeVolume, urls }: ProxyArgs) {
    return new docker.Container(
      "notice",
      {
        ...hardenedOptions,
        name: names.notice,
        image,
        entrypoints: ["node", "--max-old-space-size=32"],
        command: ["/usr/local/lib/opencode-platform/notice.mjs"],
        labels: labelList({ [names.platformLabel]: names.prefix, ...noticePageLabels(names, urls?.panel) }),
        networksAdvanced: [{ name: network }],
        volumes: [
          { volumeName: wakeVolume, containerPath: "/run/keeper/wake", readOnly: true },
          ...(this.indexDir
            ? [{ hostPath: this.indexDir, containerPath: "/run/index", readOnly: true }]
            : []),
        ],
        readOnly: true,
        memory: 128,
        memorySwap: 128,
      },
      { parent: this, ...onHost(host), deleteBeforeReplace: true },
    );
  }

  /** They stay when it ends: Traefik could not answer without them for as long as it runs. */
  private writeGatewayFiles({ host, urls }: ProxyArgs): pulumi.CustomResource {
    const create = gatewayScript(host.runtimeDir, this.routesDir);
    return host.run("gateway-files", { create, stdin: gatewayFile(urls) }, { parent: this });
  }

  private runTraefik(
    name: string,
    { host, names, dockerVolume, port }: ProxyArgs,
    dependsOn: pulumi.Resource[],
  ) {
    const image = new docker.RemoteImage(
      name,
      { name: host.imageOf(TRAEFIK_IMAGE), keepLocally: true },
      { parent: this, ...onHost(host) },
    );
    return new docker.Container(
      name,
      {
        ...hardenedOptions,
        name: names.traefik,
        // The tag, not the id: an id would replace Traefik whenever the tag is built or pulled anew.
        image: image.name,
        command: traefikFlags({ names, port }),
        labels: labelList({ [names.platformLabel]: names.prefix }),
        networkMode: "host",
        // Route files are 0600 and belong to whoever runs the update.
        capabilities: {
          drops: ["ALL"],
          adds: ["CAP_DAC_OVERRIDE", ...(port < 1024 ? ["CAP_NET_BIND_SERVICE"] : [])],
        },
        volumes: [
          { volumeName: dockerVolume, containerPath: "/run/docker", readOnly: true },
          { hostPath: this.routesDir, containerPath: "/etc/traefik/routes", readOnly: true },
          { ...pluginMount(host.runtimeDir), readOnly: true },
        ],
        readOnly: true,
        memory: 256,
        memorySwap: 256,
      },
      { parent: this, ...onHost(host), deleteBeforeReplace: true, dependsOn },
    );
  }
}

/** Traefik's static configuration. It names no project. */
export function traefikFlags(args: { names: Names; port: number }): string[] {
  const { names, port } = args;
  return [
    `--entryPoints.web.address=127.0.0.1:${port}`,
    // A prompt's upload may take long, and event streams never end: only idle connections are cut.
    "--entryPoints.web.transport.respondingTimeouts.readTimeout=0",
    ...answerFlags,
    "--providers.docker.endpoint=unix:///run/docker/docker.sock",
    "--providers.docker.exposedByDefault=false",
    `--providers.docker.constraints=Label(\`${names.platformLabel}\`,\`${names.prefix}\`)`,
    "--providers.file.directory=/etc/traefik/routes",
    "--providers.file.watch=true",
    // A container that has just been stopped is given up soon; 30 s is the default.
    "--serversTransport.forwardingTimeouts.dialTimeout=2s",
    // A new project answers that much sooner; 2 s is the default.
    "--providers.providersThrottleDuration=500ms",
    "--ping=true",
    "--ping.manualRouting=true",
    "--global.checkNewVersion=false",
    "--global.sendAnonymousUsage=false",
    "--log.level=WARN",
  ];
}
