import * as cloudflare from "@pulumi/cloudflare";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { CloudNames } from "../../config/naming/cloud-names.ts";
import type { Names } from "../../config/naming/names.ts";
import type { PublicUrls } from "../../config/naming/urls.ts";
import { accessListOf, hasOwnMembers, panelAccessList } from "../../config/projects/members.ts";
import { previewName } from "../../config/projects/ports.ts";
import type { Project } from "../../config/projects/project.ts";
import type { ProductionSettings } from "../../config/stack/production-schema.ts";
import { CLOUDFLARED_IMAGE } from "../../config/versions.ts";
import { hardenedOptions, labelList } from "../host/container.ts";
import { type Host, onHost } from "../host/host.ts";
import { Access, type ApplicationArgs, type ServiceToken } from "./access.ts";
import type { CloudflareAccount } from "./account.ts";
import { ingressRules, type PublicHostname } from "./ingress.ts";
import { disconnectCommand } from "./revocation.ts";

/** The user of that image. */
const CONNECTOR_UID = "65532";
const TOKEN_FILE = "/etc/cloudflared/token";
/** Where the connector says on the droplet's loopback whether it is connected. */
const METRICS = "127.0.0.1:20241";

export interface EdgeArgs {
  settings: ProductionSettings;
  names: Names;
  cloud: CloudNames;
  urls: PublicUrls;
  account: CloudflareAccount;
  host: Host;
  /** Port on the droplet's loopback on which Traefik answers. */
  port: number;
  projects: readonly Pick<Project, "name" | "members" | "owners" | "machines" | "ports">[];
  /** Who may open the panel besides the stack's people and the projects' members. */
  admins: readonly string[];
  /** Whether a service token passes to the panel. */
  panelMachines: boolean;
}

type InternalHostname = Omit<PublicHostname, "audience"> & {
  audience: pulumi.Output<string>;
  protectedBy: cloudflare.ZeroTrustAccessApplication;
};

/**
 * Cloudflare's side: a hostname for each project, an Access application in front of each, and a tunnel that leads to the droplet,
 * which itself opens no port to the internet.
 */
export class Edge extends pulumi.ComponentResource {
  /** The credentials with which machines pass Access, by purpose. Secret. */
  readonly serviceTokens: pulumi.Output<Record<string, ServiceToken>>;
  /** The one of CI, for SSH, where that goes through the tunnel. Secret. */
  readonly sshToken: pulumi.Output<ServiceToken> | undefined;
  /** How the panel's own check tells a token that is for it. */
  readonly panel: {
    readonly hostname: string;
    readonly teamName: string;
    readonly audience: pulumi.Output<string>;
  };

  private readonly args: EdgeArgs;
  private readonly child: pulumi.CustomResourceOptions;

  constructor(name: string, args: EdgeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("opencode:platform:Edge", name, {}, opts);
    this.args = args;
    this.child = { parent: this };

    const { settings, cloud, account } = args;
    const access = new Access("access", { settings, cloud, account, host: args.host }, this.child);
    const tunnel = this.makeTunnel();
    const panel = this.publishPanel(access, tunnel);
    const hostnames = [
      panel,
      ...args.projects.flatMap((project) => this.publishProject(project, access, tunnel)),
      ...this.publishSsh(access, tunnel),
    ];
    const rules = this.configure(tunnel, hostnames);
    this.connect(tunnel, rules);
    this.serviceTokens = pulumi.secret(Object.fromEntries(access.serviceTokens));
    this.sshToken = access.serviceTokens.get("ci-ssh");
    this.panel = { hostname: panel.hostname, teamName: account.teamName, audience: panel.audience };
    this.registerOutputs({});
  }

  private makeTunnel(): cloudflare.ZeroTrustTunnelCloudflared {
    const { account, cloud } = this.args;
    return new cloudflare.ZeroTrustTunnelCloudflared(
      "tunnel",
      { accountId: account.id, name: cloud.base, configSrc: "cloudflare" },
      this.child,
    );
  }

  private publishPanel(access: Access, tunnel: cloudflare.ZeroTrustTunnelCloudflared): InternalHostname {
    const { cloud, urls, projects, admins, panelMachines, settings } = this.args;
    const admitted = panelAccessList(projects, settings, admins);
    const isEverybody = admitted.emails.every((email) => settings.accessEmails.includes(email));
    const audience = isEverybody ? ("people" as const) : { policy: cloud.panelPolicy, admitted };
    const application = {
      name: cloud.panelApplication,
      hostname: urls.panel,
      audience,
      machines: panelMachines ? ("panel" as const) : undefined,
    };
    return this.publish("panel", application, access, tunnel);
  }

  private publishProject(
    project: Pick<Project, "name" | "members" | "owners" | "machines" | "ports">,
    access: Access,
    tunnel: cloudflare.ZeroTrustTunnelCloudflared,
  ): InternalHostname[] {
    const { cloud, urls, names, settings } = this.args;
    const { name } = project;
    const ports = project.ports.map((port) => ({
      label: port.label,
      hostname: urls.hostname(previewName(name, port)),
    }));
    const own = { policy: cloud.membersPolicy(name), admitted: accessListOf(project, settings) };
    const application = {
      name: cloud.application(name),
      hostname: urls.hostname(name),
      others: ports.map(({ hostname }) => hostname),
      audience: hasOwnMembers(project) ? own : ("people" as const),
      machines: project.machines ? (`project ${name}` as const) : undefined,
      cut: disconnectCommand(names.project(name), names.connector),
    };
    const published = this.publish(`project-${name}`, application, access, tunnel);
    // A port is behind the project's own application.
    // With a sign in the record's name that no project's name has.
    for (const { label, hostname } of ports)
      this.makeRecord(`project-${name}_port-${label}`, hostname, tunnel, published.protectedBy);
    return [published, ...ports.map(({ hostname }) => ({ ...published, hostname }))];
  }

  private publishSsh(access: Access, tunnel: cloudflare.ZeroTrustTunnelCloudflared): InternalHostname[] {
    const { cloud, urls } = this.args;
    if (!urls.ssh) return [];
    const application = {
      name: cloud.sshApplication,
      hostname: urls.ssh,
      audience: "nobody" as const,
      machines: "ci-ssh" as const,
    };
    return [{ ...this.publish("ssh", application, access, tunnel), service: "ssh://localhost:22" }];
  }

  /** A hostname's application before its record, so that the name never leads anywhere unprotected. */
  private publish(
    name: string,
    application: ApplicationArgs,
    access: Access,
    tunnel: cloudflare.ZeroTrustTunnelCloudflared,
  ): InternalHostname {
    const { hostname } = application;
    const protectedBy = access.addApplication(name, application, this.child);
    this.makeRecord(name, hostname, tunnel, protectedBy);
    return {
      hostname,
      service: `http://127.0.0.1:${this.args.port}`,
      audience: protectedBy.aud,
      protectedBy,
    };
  }

  private makeRecord(
    name: string,
    hostname: string,
    tunnel: cloudflare.ZeroTrustTunnelCloudflared,
    protectedBy: cloudflare.ZeroTrustAccessApplication,
  ): void {
    const { account, cloud } = this.args;
    new cloudflare.DnsRecord(
      `${name}-record`,
      {
        zoneId: account.zoneId,
        name: hostname,
        type: "CNAME",
        content: pulumi.interpolate`${tunnel.id}.cfargotunnel.com`,
        proxied: true,
        // 1 is "automatic", the only one that a proxied record takes.
        ttl: 1,
        comment: cloud.recordComment,
      },
      { ...this.child, dependsOn: [protectedBy] },
    );
  }

  private configure(
    tunnel: cloudflare.ZeroTrustTunnelCloudflared,
    hostnames: readonly InternalHostname[],
  ): cloudflare.ZeroTrustTunnelCloudflaredConfig {
    const { account } = this.args;
    const ingresses = pulumi.all(hostnames.map(({ audience }) => audience)).apply((audiences) =>
      ingressRules(
        account.teamName,
        hostnames.map((hostname, index) => ({ ...hostname, audience: String(audiences[index]) })),
      ),
    );
    return new cloudflare.ZeroTrustTunnelCloudflaredConfig(
      "tunnel-config",
      { accountId: account.id, tunnelId: tunnel.id, config: { ingresses } },
      this.child,
    );
  }

  /** cloudflared on the droplet's network. It learns its rules from Cloudflare, so that a new project does not restart it. */
  private connect(
    tunnel: cloudflare.ZeroTrustTunnelCloudflared,
    rules: cloudflare.ZeroTrustTunnelCloudflaredConfig,
  ): docker.Container {
    const { account, host, names } = this.args;
    const { token } = cloudflare.getZeroTrustTunnelCloudflaredTokenOutput({
      accountId: account.id,
      tunnelId: tunnel.id,
    });
    const image = new docker.RemoteImage(
      "connector",
      { name: host.imageOf(CLOUDFLARED_IMAGE), keepLocally: true },
      { parent: this, ...onHost(host) },
    );
    return new docker.Container(
      "connector",
      {
        ...hardenedOptions,
        name: names.connector,
        image: image.name,
        // Open event streams would hold it for the whole grace period: 30 s by default.
        command: ["tunnel", "--metrics", METRICS, "--grace-period", "5s", "run"],
        envs: [`TUNNEL_TOKEN_FILE=${TOKEN_FILE}`],
        uploads: [
          {
            file: TOKEN_FILE,
            content: pulumi.secret(token),
            owner: CONNECTOR_UID,
            group: CONNECTOR_UID,
            permissions: "0600",
          },
        ],
        labels: labelList({ [names.platformLabel]: names.prefix }),
        networkMode: "host",
        healthcheck: {
          tests: ["CMD", "cloudflared", "tunnel", "--metrics", METRICS, "ready"],
          interval: "10s",
          timeout: "5s",
          startPeriod: "30s",
          retries: 3,
        },
        memory: 256,
        memorySwap: 256,
      },
      {
        parent: this,
        ...onHost(host),
        deleteBeforeReplace: true,
        replaceOnChanges: ["healthcheck"],
        dependsOn: [rules],
      },
    );
  }
}
