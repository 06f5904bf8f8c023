import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import {
  asleepFileName,
  KEEPER_DIR,
  keeperFileName,
  localRepoDirectory,
  type Names,
  routeFileName,
  workspaceDirectories,
} from "../../config/naming/names.ts";
import type { Urls } from "../../config/naming/urls.ts";
import { PROJECT_TYPE } from "../../config/naming/urns.ts";
import type { AccessList } from "../../config/projects/members.ts";
import type { Project } from "../../config/projects/project.ts";
import { gitConfig } from "../../opencode/git-config.ts";
import { enforcedJson, opencodeJson } from "../../opencode/settings.ts";
import { hardenedOptions, labelList, TMPFS } from "../host/container.ts";
import { cpuLimit } from "../host/cpu-limit.ts";
import { type Host, onHost } from "../host/host.ts";
import { BridgeNetwork, Container, Password } from "../host/lean.ts";
import { projectNetwork } from "../host/network.ts";
import { passwdFile, type User } from "../host/users.ts";
import { indexFile, projectLabels, routeFile, WORKSPACE_PATH } from "../proxy/routes.ts";
import { type ProjectAccess, projectAccess } from "./access.ts";
import { applyScript, indexPath } from "./apply-script.ts";
import type { ProjectCompany } from "./company.ts";
import { HEALTH_CHECK } from "./health.ts";
import { localRepoScript, refsDigest } from "./local-repo.ts";
import { makeServices } from "./services.ts";
import { diskWeight, shareOptions } from "./share-options.ts";
import { keeperFile } from "./sleep.ts";
import { containerVariables } from "./variables.ts";
import { makeDirectories } from "./workspaces.ts";

/** The settings that no repository can change: opencode 1.x reads them there itself, 2.x gets them from the image's script. */
const ENFORCED = "/etc/opencode/opencode.json";

export interface OpencodeProjectArgs {
  host: Host;
  names: Names;
  urls: Urls;
  /** The entry of projects.yaml. */
  project: Project;
  image: pulumi.Input<string>;
  /** Ends once the projects' directories are there, and packet rules in force. The container waits for it, and does not depend on it in the state. */
  ready: Promise<unknown>;
  /** Directory on the host in which Traefik finds route files. */
  routesDir: string;
  /** Port of the gateway, on the host's loopback. */
  gatewayPort: number;
  /** Directory on the host of the files that the platform's index is made of, where there is one. */
  indexDir?: string | undefined;
  /** To whom the index shows the project. */
  admitted?: AccessList | undefined;
  /** Value of each of the entry's secrets. */
  secrets: Readonly<Record<string, pulumi.Input<string>>>;
  /** What the company's network adds. Default: nothing. */
  company?: ProjectCompany | undefined;
  /** A new value makes a new password. */
  passwordRotation: string;
}

/**
 * One entry of projects.yaml: a password, a network, a container, and a command that does on the host what the container's provider can't. Three of
 * them and not one: a container of an older release holds the password that the state has, and a failing command of one project must not keep
 * another's from its limit of processes, which rules out a command for all of them.
 */
export class OpencodeProject extends pulumi.ComponentResource {
  readonly name: string;
  readonly access: ProjectAccess;

  private readonly args: OpencodeProjectArgs;
  private readonly child: pulumi.CustomResourceOptions;

  constructor(args: OpencodeProjectArgs, opts?: pulumi.ComponentResourceOptions) {
    const { name } = args.project;
    super(PROJECT_TYPE, name, {}, opts);
    this.name = name;
    this.args = args;
    this.child = { parent: this };

    const password = this.makePassword();
    const deployKey = this.makeDeployKey();
    const container = this.runContainer(password, deployKey, this.copyLocalRepo());
    this.applyOnHost(password, container);

    this.access = projectAccess(args, args.project, deployKey?.publicKeyOpenssh);
    this.registerOutputs(this.access);
  }

  /** Letters and digits only, so that it needs no quoting anywhere. 32 of 62 are 190 bits. */
  private makePassword(): pulumi.Output<string> {
    const { project, passwordRotation } = this.args;
    const keepers = { rotation: passwordRotation };
    const args = { length: 32, special: false, keepers };
    return new Password(`${project.name}-password`, args, this.child).result;
  }

  private makeDeployKey(): tls.PrivateKey | undefined {
    const { project } = this.args;
    if (project.git.auth !== "ssh") return undefined;
    return new tls.PrivateKey(`${project.name}-deploy-key`, { algorithm: "ED25519" }, this.child);
  }

  /** Copies a repository on this machine, again whenever its branches or tags have moved. */
  private copyLocalRepo(): pulumi.CustomResource[] {
    const { host, project } = this.args;
    if (project.repo?.kind !== "local") return [];
    const { url: repo } = project.repo;
    const copy = localRepoDirectory(host.workspacesDir, project.name);
    const script = localRepoScript({ repo, copy, refs: refsDigest(repo), user: host.userOf(project.name) });
    // Else the old one's end would remove the new one's copy.
    return [host.run(`${project.name}-repo`, script, { ...this.child, deleteBeforeReplace: true })];
  }

  private directories() {
    const { host, project } = this.args;
    return workspaceDirectories(host.workspacesDir, project.name);
  }

  /**
   * The route, the entry in the platform's index, the limit of processes, and the stop, in this order's reverse (apply-script.ts). It keeps
   * the name of the command that wrote the route alone, up to 0.1: another's end would remove the file that this one has written.
   */
  private applyOnHost(password: pulumi.Output<string>, container: pulumi.CustomResource): void {
    const { host, names, urls, project, routesDir, gatewayPort, indexDir, admitted } = this.args;
    const { name, state, resources, opencode, trust, ports } = project;
    const routePath = join(routesDir, routeFileName(name));
    const route = { name, urls, state, version: opencode.version, trust, ports };
    const index = indexDir &&
      admitted && {
        path: indexPath(indexDir, name),
        text: indexFile({ name, urls, state, ports, admitted }),
      };
    const script = applyScript({
      container: names.project(name),
      state,
      pids: resources.pids,
      directories: makeDirectories(host, project),
      weight: diskWeight(names.project(name), resources),
      routePath,
      keeper: {
        path: join(host.runtimeDir, KEEPER_DIR, keeperFileName(name)),
        asleepPath: join(routesDir, asleepFileName(name)),
      },
      index: index || undefined,
    });
    host.run(
      `${name}-route`,
      {
        create: script.create,
        delete: script.delete,
        // With its id, so that all of it is done again for another container; and the keeper's file as the last line.
        stdin: pulumi
          .all([password, container.id])
          .apply(
            ([password, id]) =>
              `# ${id}\n${routeFile({ ...route, password })}${keeperFile({ names, project, route, gatewayPort })}`,
          ),
      },
      // Else the old one's end would remove the new one's file.
      { ...this.child, deleteBeforeReplace: true },
    );
  }

  private makeNetwork(): pulumi.Output<string> {
    const { host, names, project } = this.args;
    return new BridgeNetwork(`${project.name}-network`, projectNetwork(names, project.name), {
      ...this.child,
      ...onHost(host),
      deleteBeforeReplace: true,
    }).name;
  }

  /** They are waited for here alone, in an update: after a reboot all containers start at once, and opencode needs none of them to start. */
  private makeServices() {
    const { host, names, project, secrets, ready } = this.args;
    const { name, services, state } = project;
    if (!services) return undefined;
    return makeServices({ host, names, project: name, services, state, secrets, ready }, this.child);
  }

  private runContainer(
    password: pulumi.Output<string>,
    deployKey: tls.PrivateKey | undefined,
    before: pulumi.CustomResource[],
  ): pulumi.CustomResource {
    const { host, names, urls, project, image, company } = this.args;
    const network = pulumi.all([this.makeNetwork(), this.args.ready]).apply(([name]) => name);
    const services = this.makeServices();
    const running = project.state === "running";
    const { memory, cpus } = project.resources;
    const shares = shareOptions(project.resources);
    return new Container(
      `${project.name}-container`,
      {
        ...hardenedOptions,
        name: names.project(project.name),
        image,
        hostname: project.name,
        ...(this.ownUser ? { user: `${this.ownUser.uid}:${this.ownUser.gid}` } : {}),
        labels: labelList({
          [names.platformLabel]: names.prefix,
          [names.projectLabel]: project.name,
          ...projectLabels(project.name, project.opencode.version),
          // Of two networks, Traefik takes whichever comes first.
          ...(services ? { "traefik.docker.network": names.projectNetwork(project.name) } : {}),
        }),
        envs: containerVariables(project, urls, company),
        uploads: this.files(password, deployKey),
        volumes: this.mounts(),
        networksAdvanced: [{ name: network }, ...(services ? [{ name: services.network }] : [])],
        healthcheck: HEALTH_CHECK,
        tmpfs: { "/tmp": TMPFS },
        memory: memory.mib,
        // The same figure: no swap.
        memorySwap: memory.mib,
        ...cpuLimit(cpus),
        ...shares.args,
        mustRun: running,
        start: running,
      },
      {
        ...this.child,
        ...onHost(host),
        dependsOn: [...before, ...(services?.applied ?? [])],
        deleteBeforeReplace: true,
        // The provider would only write these down.
        replaceOnChanges: ["healthcheck", "cpuQuota", ...shares.replaceOnChanges],
      },
    );
  }

  /** The project's own user, where the host gives it one; else it is the image's. */
  private get ownUser(): User | undefined {
    const { host, project } = this.args;
    const user = host.userOf(project.name);
    return user.uid === host.user.uid ? undefined : user;
  }

  /** What only the container's user may read, and nobody change: files of mode 0440, in no layer of the image and in nothing that `docker inspect` shows. */
  private files(password: pulumi.Output<string>, deployKey: tls.PrivateKey | undefined) {
    const { host, urls, project, secrets } = this.args;
    const { name, repos = [], git, repo = repos[0] } = project;
    const knownHosts = git.auth === "ssh" ? git.knownHosts : [];
    const contents: Record<string, pulumi.Input<string> | undefined> = {
      password,
      "opencode.json": opencodeJson(project.opencode),
      gitconfig: gitConfig({ project: name, domain: urls.domain, git, repo }),
      deploy_key: deployKey?.privateKeyOpenssh,
      known_hosts: knownHosts.length > 0 ? `${knownHosts.join("\n")}\n` : undefined,
      ...Object.fromEntries(project.secrets.map((name) => [`secrets/${name}`, secrets[name]])),
      ...this.args.company?.secretFiles,
    };
    const own = Object.entries(contents).flatMap(([file, content]) =>
      content === undefined
        ? []
        : [
            {
              file: `/run/opencode/${file}`,
              content,
              // Read by its group: its owner could write to it, and so to the container's root.
              owner: "0",
              group: String(host.user.gid),
              permissions: "0440",
            },
          ],
    );
    // Root's: neither a repository nor an agent can change it.
    return [
      ...own,
      // Another text replaces the container, at whose start it runs; the same text runs once.
      ...(project.setup === undefined
        ? []
        : [{ file: "/run/opencode/setup", content: project.setup, permissions: "0444" }]),
      ...(project.start === undefined
        ? []
        : [{ file: "/run/opencode/start", content: project.start, permissions: "0444" }]),
      ...(this.args.company?.files ?? []),
      { file: ENFORCED, content: enforcedJson(project.opencode), permissions: "0444" },
      ...(this.ownUser
        ? [{ file: "/etc/passwd", content: passwdFile(this.ownUser), permissions: "0444" }]
        : []),
    ];
  }

  private mounts() {
    const { host, project } = this.args;
    const { workspace, home } = this.directories();
    const volumes = [
      { hostPath: workspace, containerPath: WORKSPACE_PATH },
      { hostPath: home, containerPath: "/home/opencode" },
    ];
    if (project.repo?.kind !== "local") return volumes;
    const copy = localRepoDirectory(host.workspacesDir, project.name);
    return [...volumes, { hostPath: copy, containerPath: "/mnt/repo", readOnly: true }];
  }
}
