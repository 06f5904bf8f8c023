import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import { type Names, routeFileName, workspaceDirectories } from "../../config/naming/names.ts";
import type { Urls } from "../../config/naming/urls.ts";
import { PROJECT_TYPE } from "../../config/naming/urns.ts";
import type { Admitted } from "../../config/projects/members.ts";
import type { Project } from "../../config/projects/project.ts";
import { shellQuote } from "../../config/text/shell.ts";
import { terminalCommand } from "../../opencode/api/index.ts";
import { opencodeJson } from "../../opencode/settings.ts";
import { cpuLimit, hardening, labelList } from "../host/container.ts";
import { type Host, onHost } from "../host/host.ts";
import { indexFile, projectLabels, routeFile, WORKSPACE_PATH } from "../proxy/routes.ts";

export interface OpencodeProjectArgs {
  host: Host;
  names: Names;
  urls: Urls;
  /** The entry of projects.yaml. */
  project: Project;
  network: pulumi.Input<string>;
  image: pulumi.Input<string>;
  /** Directory on the host in which Traefik finds route files. */
  routesDir: string;
  /** Directory on the host of the files that the platform's index is made of, where there is one. */
  indexDir?: string | undefined;
  /** To whom the index shows the project. */
  admitted?: Admitted | undefined;
  /** Value of each of the entry's secrets. */
  secrets: Readonly<Record<string, pulumi.Input<string>>>;
  /** A new value makes a new password. */
  passwordRotation: string;
}

/** What a person needs to reach a project: an element of the stack's output `projects`. */
export interface ProjectAccess {
  url: string;
  /** The command that opens the project in a terminal. */
  attach: string;
  container: string;
  state: "running" | "stopped";
  /** Public half of the deploy key, to be added to the repository; for `git: { auth: ssh }` alone. */
  deployKey?: pulumi.Output<string>;
}

/** One entry of projects.yaml: a workspace, a password, a route and a container. */
export class OpencodeProject extends pulumi.ComponentResource {
  readonly name: string;
  readonly access: ProjectAccess;

  private readonly args: OpencodeProjectArgs;
  private readonly child: pulumi.CustomResourceOptions;

  constructor(args: OpencodeProjectArgs, opts?: pulumi.ComponentResourceOptions) {
    const { name, state } = args.project;
    super(PROJECT_TYPE, name, {}, opts);
    this.name = name;
    this.args = args;
    this.child = { parent: this };

    const password = this.makePassword();
    const deployKey = this.makeDeployKey();
    const workspace = this.makeWorkspace();
    const route = this.writeRoute(password);
    this.writeIndex();
    const container = this.runContainer(password, deployKey, [workspace, route]);
    this.limitProcesses(container);
    if (state === "stopped") this.stop(container);

    this.access = {
      url: args.urls.browser(name),
      attach: terminalCommand(args.urls.terminal(name)),
      container: args.names.project(name),
      state,
      ...(deployKey ? { deployKey: deployKey.publicKeyOpenssh } : {}),
    };
    this.registerOutputs(this.access);
  }

  /** Letters and digits only, so that it needs no quoting anywhere. 32 of 62 are 190 bits. */
  private makePassword(): pulumi.Output<string> {
    const { project, passwordRotation } = this.args;
    const keepers = { rotation: passwordRotation };
    const password = new random.RandomPassword(
      `${project.name}-password`,
      { length: 32, special: false, keepers },
      this.child,
    );
    return password.result;
  }

  private makeDeployKey(): tls.PrivateKey | undefined {
    const { project } = this.args;
    if (project.git.auth !== "ssh") return undefined;
    return new tls.PrivateKey(`${project.name}-deploy-key`, { algorithm: "ED25519" }, this.child);
  }

  /** Two directories that outlive the container: the workspace, and the home with opencode's sessions. Never deleted here. */
  private makeWorkspace(): pulumi.Resource {
    const { host, project } = this.args;
    const make = Object.values(this.directories()).map(host.makeDirectory).join(" && ");
    return host.run(`${project.name}-workspace`, { create: make }, this.child);
  }

  private directories() {
    const { host, project } = this.args;
    return workspaceDirectories(host.workspacesDir, project.name);
  }

  /** Written beside its place and renamed, so that Traefik never reads half a file. */
  private writeRoute(password: pulumi.Output<string>): pulumi.Resource {
    const { host, urls, project, routesDir } = this.args;
    const file = shellQuote(join(routesDir, routeFileName(project.name)));
    const unfinished = shellQuote(join(routesDir, `${project.name}.new`));
    const route = { name: project.name, urls, state: project.state };
    return host.run(
      `${project.name}-route`,
      {
        create: `umask 077 && cat > ${unfinished} && mv ${unfinished} ${file}`,
        delete: `rm -f ${file}`,
        stdin: password.apply((password) => routeFile({ ...route, password })),
      },
      // Else the old one's end would remove the new one's file.
      { ...this.child, deleteBeforeReplace: true },
    );
  }

  /** Lists the project in the platform's index, to those who may open it. */
  private writeIndex(): void {
    const { host, urls, project, indexDir, admitted } = this.args;
    if (!indexDir || !admitted) return;
    const file = shellQuote(join(indexDir, `${project.name}.json`));
    const text = indexFile({ name: project.name, urls, state: project.state, admitted });
    host.run(
      `${project.name}-index`,
      { create: `printf '%s' ${shellQuote(text)} > ${file} && chmod 0644 ${file}`, delete: `rm -f ${file}` },
      { ...this.child, deleteBeforeReplace: true },
    );
  }

  private runContainer(
    password: pulumi.Output<string>,
    deployKey: tls.PrivateKey | undefined,
    dependsOn: pulumi.Resource[],
  ): docker.Container {
    const { host, names, urls, project, network, image } = this.args;
    const running = project.state === "running";
    const { memory, cpus } = project.resources;
    return new docker.Container(
      `${project.name}-container`,
      {
        ...hardening,
        name: names.project(project.name),
        image,
        hostname: project.name,
        labels: labelList({
          [names.platformLabel]: names.prefix,
          [names.projectLabel]: project.name,
          ...projectLabels({ name: project.name, urls, state: project.state }),
        }),
        envs: this.environment(),
        uploads: this.files(password, deployKey),
        volumes: this.mounts(),
        networksAdvanced: [{ name: network }],
        healthcheck: {
          tests: ["CMD", "/usr/local/lib/opencode-platform/health"],
          interval: "5s",
          timeout: "5s",
          // Pulling a big repository and starting 50 at once both take a while; failures in this time do not count.
          startPeriod: "2m0s",
          retries: 3,
        },
        memory: memory.mib,
        // The same figure: no swap.
        memorySwap: memory.mib,
        ...cpuLimit(cpus),
        mustRun: running,
        start: running,
      },
      {
        ...this.child,
        ...onHost(host),
        deleteBeforeReplace: true,
        // The provider would only write these down.
        replaceOnChanges: ["healthcheck", "cpuQuota"],
        dependsOn,
      },
    );
  }

  /** What anybody may see: `docker inspect` shows it. */
  private environment(): string[] {
    const { repo, git, env } = this.args.project;
    const own: Record<string, string | undefined> = {
      OPENCODE_PLATFORM_REPO: repo?.kind === "local" ? "file:///mnt/repo" : repo?.url,
      OPENCODE_PLATFORM_BRANCH: repo?.branch,
      OPENCODE_PLATFORM_DEPTH: repo?.depth?.toString(),
      OPENCODE_PLATFORM_GIT_AUTH: git.auth,
      ...(git.auth === "token" && repo
        ? {
            OPENCODE_PLATFORM_GIT_HOST: new URL(repo.url).host,
            OPENCODE_PLATFORM_GIT_USERNAME: git.username,
            OPENCODE_PLATFORM_GIT_SECRET: git.secret,
          }
        : {}),
    };
    return Object.entries({ ...env, ...own })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${value}`)
      .sort();
  }

  /** What only the container's user may read: files of mode 0600, in no layer of the image and in nothing that `docker inspect` shows. */
  private files(password: pulumi.Output<string>, deployKey: tls.PrivateKey | undefined) {
    const { host, project, secrets } = this.args;
    const { git } = project;
    const contents: Record<string, pulumi.Input<string> | undefined> = {
      password,
      "opencode.json": opencodeJson(project.opencode),
      deploy_key: deployKey?.privateKeyOpenssh,
      known_hosts:
        git.auth === "ssh" && git.knownHosts.length > 0 ? `${git.knownHosts.join("\n")}\n` : undefined,
      ...Object.fromEntries(project.secrets.map((name) => [`secrets/${name}`, secrets[name]])),
    };
    return Object.entries(contents).flatMap(([file, content]) =>
      content === undefined
        ? []
        : [
            {
              file: `/run/opencode/${file}`,
              content,
              owner: String(host.user.uid),
              group: String(host.user.gid),
              permissions: "0600",
            },
          ],
    );
  }

  private mounts() {
    const { project } = this.args;
    const { workspace, home } = this.directories();
    const volumes = [
      { hostPath: workspace, containerPath: WORKSPACE_PATH },
      { hostPath: home, containerPath: "/home/opencode" },
    ];
    if (project.repo?.kind !== "local") return volumes;
    return [...volumes, { hostPath: project.repo.url, containerPath: "/mnt/repo", readOnly: true }];
  }

  /** The provider's container has no setting for this. Docker keeps it over restarts. */
  private limitProcesses(container: docker.Container): void {
    const { host, names, project } = this.args;
    const name = names.project(project.name);
    host.run(
      `${project.name}-pids`,
      {
        create: `docker update --pids-limit ${project.resources.pids} ${name} >/dev/null`,
        triggers: [container.id],
      },
      this.child,
    );
  }

  /** The provider starts a container that must run and never stops one. */
  private stop(container: docker.Container): void {
    const { host, names, project } = this.args;
    host.run(
      `${project.name}-stop`,
      { create: `docker stop -t 10 ${names.project(project.name)} >/dev/null`, triggers: [container.id] },
      this.child,
    );
  }
}
