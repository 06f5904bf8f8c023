import { basename, dirname, join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import {
  APPLIED_FILE,
  homesDirectory,
  type Names,
  PANEL_FILES_DIR,
  PANEL_HOMES_DIR,
  PANEL_OWN_DIR,
  PANEL_WORKSPACES_DIR,
  panelDirectory,
} from "../../config/naming/names.ts";
import { shellQuote } from "../../config/text/shell.ts";
import { hardenedOptions, labelList } from "../host/container.ts";
import { type Host, onHost } from "../host/host.ts";
import type { OpencodeProject } from "../project/project.ts";
import { panelRoute } from "../proxy/routes.ts";
import { IMAGE_PROGRAM, NETWORK_VARIABLES, packageEntryPoint } from "./start.ts";

/** Memory of the panel with an update under way, in MiB: the engine, the program, its plugins, and Node. */
const MEMORY = 2048;

/** Where a panel that runs no updates has the socket of the keeper. */
const DOCKER_DIR = "/run/keeper";

/** What root needs to rename and delete what is others': to write and search in any directory, and to change what it does not own. */
const DELETING = ["CAP_DAC_OVERRIDE", "CAP_FOWNER"];

export interface PanelArgs {
  host: Host;
  names: Names;
  /** The projects' image, which has Node, git and ssh. */
  image: pulumi.Input<string>;
  /** Directory on the host in which Traefik finds route files. */
  routesDir: string;
  /** Port on the host's loopback. */
  port: number;
  /** The team's repository of this platform, the branch that is deployed, and the keys of its host. */
  git: { readonly remote: string; readonly branch: string; readonly knownHosts: readonly string[] };
  /** The hostname's Access application, whose tokens the panel checks itself. */
  access: { readonly hostname: string; readonly teamName: string; readonly audience: pulumi.Input<string> };
  /** Who applies what it commits. */
  apply: PanelApplies;
  /** Variables with which updates are run: the state's backend, its passphrase, the clouds' tokens. Of a pipeline's, only NETWORK_VARIABLES are kept. */
  environment: Readonly<Record<string, string>>;
}

/** `here`: the panel runs updates itself. `ci`: a pipeline does, and the panel holds nothing that an update needs. */
export type PanelApplies =
  | { readonly by: "here" }
  | {
      readonly by: "ci";
      /** The commit that this update applies. */
      readonly commit: string;
      /** What has to be made before it counts as applied, with the public halves of deploy keys. */
      readonly projects: readonly OpencodeProject[];
      /** Volume of the socket by which it reaches Docker, with what a panel needs of it alone. */
      readonly dockerVolume: pulumi.Input<string>;
      /** What serves that socket: the panel is made after it, and is not replaced with it. */
      readonly keeper: pulumi.Resource;
      /** Address for notices of idle projects. A secret. */
      readonly webhook?: string | undefined;
    };

/**
 * The panel on a droplet, with a checkout of the team's repository. Where it runs updates of the very stack that it is part of, it holds all that
 * an update needs: docs/panel.md says what that means.
 */
export class Panel extends pulumi.ComponentResource {
  /** Public half of the key with which the panel pulls and pushes; the repository has to know it, with write access. */
  readonly deployKey: pulumi.Output<string>;

  private readonly args: PanelArgs;
  private readonly child: pulumi.CustomResourceOptions;

  constructor(name: string, args: PanelArgs, opts?: pulumi.ComponentResourceOptions) {
    super("opencode:platform:Panel", name, {}, opts);
    this.args = args;
    this.child = { parent: this };

    const key = new tls.PrivateKey("panel-deploy-key", { algorithm: "ED25519" }, this.child);
    this.deployKey = key.publicKeyOpenssh;
    const directory = this.makeDirectory();
    this.writeRoute();
    this.run(key, directory);
    if (args.apply.by === "ci") this.recordApplied(args.apply, directory);
    this.registerOutputs({});
  }

  private get directory(): string {
    return panelDirectory(this.args.host.workspacesDir);
  }

  /** On the volume, since the audit log is to outlive the droplet. Root's alone. */
  private makeDirectory(): pulumi.Resource {
    const create = `install -d -m 0700 ${shellQuote(this.directory)}`;
    return this.args.host.run("panel-directory", { create }, this.child);
  }

  private writeRoute(): void {
    const { host, routesDir, port, access } = this.args;
    const file = shellQuote(join(routesDir, "_panel.yml"));
    const unfinished = shellQuote(join(routesDir, "_panel.new"));
    host.run(
      "panel-route",
      {
        create: `umask 077 && cat > ${unfinished} && mv ${unfinished} ${file}`,
        delete: `rm -f ${file}`,
        stdin: panelRoute(access.hostname, port),
      },
      { ...this.child, deleteBeforeReplace: true },
    );
  }

  /** Written last: the panel waits for its commit there. */
  private recordApplied(
    { commit, projects }: Extract<PanelApplies, { by: "ci" }>,
    directory: pulumi.Resource,
  ): void {
    const file = shellQuote(join(this.directory, APPLIED_FILE));
    const unfinished = shellQuote(join(this.directory, `${APPLIED_FILE}.new`));
    const keys = projects.map(({ name, access }) =>
      pulumi.output(access.deployKey).apply((key) => [name, key?.trim()] as const),
    );
    this.args.host.run(
      "panel-applied",
      {
        create: `umask 077 && cat > ${unfinished} && mv ${unfinished} ${file}`,
        delete: `rm -f ${file}`,
        stdin: pulumi
          .all(keys)
          .apply((entries) => `${JSON.stringify({ commit, deployKeys: Object.fromEntries(entries) })}\n`),
      },
      { ...this.child, dependsOn: [directory, ...projects] },
    );
  }

  private run(key: tls.PrivateKey, directory: pulumi.Resource): void {
    const { host, names, image, port, apply } = this.args;
    new docker.Container(
      "panel",
      {
        ...hardenedOptions,
        // The workspaces and what is in them are another user's; one that runs updates deletes them by SSH.
        ...(apply.by === "ci" ? { capabilities: { drops: ["ALL"], adds: DELETING } } : {}),
        name: names.panel,
        image,
        entrypoints: isPackage() ? packageEntryPoint() : [IMAGE_PROGRAM],
        user: "0:0",
        labels: labelList({ [names.platformLabel]: names.prefix }),
        // It reaches the droplet's sshd as any machine that deploys, and is reached on loopback by Traefik alone.
        networkMode: "host",
        envs: this.variables(),
        uploads: this.files(key),
        volumes: [
          apply.by === "ci"
            ? { volumeName: apply.dockerVolume, containerPath: DOCKER_DIR, readOnly: true }
            : { hostPath: host.dockerSocket, containerPath: "/var/run/docker.sock" },
          { hostPath: this.directory, containerPath: PANEL_OWN_DIR },
          { hostPath: homesDirectory(host.workspacesDir), containerPath: PANEL_HOMES_DIR, readOnly: true },
          // One that runs updates reaches them as updates do.
          ...(apply.by === "ci"
            ? [{ hostPath: host.workspacesDir, containerPath: PANEL_WORKSPACES_DIR }]
            : []),
        ],
        healthcheck: {
          tests: ["CMD", "curl", "-fsS", "-o", "/dev/null", `http://127.0.0.1:${port}/ping`],
          interval: "10s",
          timeout: "5s",
          // The first start installs the packages and brings the engine.
          startPeriod: "15m0s",
          retries: 3,
        },
        memory: MEMORY,
        memorySwap: MEMORY,
      },
      {
        ...this.child,
        ...onHost(host),
        deleteBeforeReplace: true,
        replaceOnChanges: ["healthcheck"],
        dependsOn: [directory, ...(apply.by === "ci" ? [apply.keeper] : [])],
      },
    );
  }

  /** What `docker inspect` may show. */
  private variables(): pulumi.Output<string[]> {
    const { port, git, access, apply } = this.args;
    const stack = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
    return pulumi.output(access.audience).apply((audience) =>
      Object.entries({
        PANEL_REPO: git.remote,
        PANEL_BRANCH: git.branch,
        PULUMI_STACK: stack,
        OPENCODE_PLATFORM_PANEL_PORT: String(port),
        OPENCODE_PLATFORM_PANEL_HOSTNAME: access.hostname,
        OPENCODE_PLATFORM_PANEL_TEAM: access.teamName,
        // Not there where it applies itself, so that this container is not replaced.
        ...(apply.by === "ci"
          ? { OPENCODE_PLATFORM_PANEL_APPLY: "ci", DOCKER_HOST: `unix://${DOCKER_DIR}/docker.sock` }
          : {}),
        OPENCODE_PLATFORM_PANEL_AUDIENCE: audience,
      })
        .map(([name, value]) => `${name}=${value}`)
        .sort(),
    );
  }

  private files(key: tls.PrivateKey) {
    const { git, apply, environment } = this.args;
    const contents: Record<string, pulumi.Input<string>> = {
      environment: pulumi.secret(
        apply.by === "here"
          ? environmentFile(environment)
          : `# Updates are the pipeline's.\n${environmentFile(networkVariables(environment))}`,
      ),
      deploy_key: key.privateKeyOpenssh,
      known_hosts: `${git.knownHosts.join("\n")}\n`,
      ...(apply.by === "ci" && apply.webhook ? { webhook: pulumi.secret(apply.webhook) } : {}),
    };
    return Object.entries(contents).map(([file, content]) => ({
      file: `${PANEL_FILES_DIR}/${file}`,
      content,
      permissions: "0600",
    }));
  }
}

/** Whether this program is a dependency of the repository in which Pulumi runs it. */
const isPackage = (): boolean => basename(dirname(join(import.meta.dirname, "../.."))) === "node_modules";

const networkVariables = (variables: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    NETWORK_VARIABLES.flatMap((name) => (variables[name] === undefined ? [] : [[name, variables[name]]])),
  );

/** Variables as a file that a shell reads. */
export const environmentFile = (variables: Readonly<Record<string, string>>): string =>
  Object.entries(variables)
    .map(([name, value]) => `export ${name}=${shellQuote(value)}\n`)
    .join("");
