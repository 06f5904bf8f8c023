/** A project's services: containers beside it, on an internal network that only they and the project's container are on. */
import { createHash } from "node:crypto";
import type * as pulumi from "@pulumi/pulumi";
import { type Names, servicesDirectory, volumeDirectory } from "../../config/naming/names.ts";
import { NO_HEALTH, SECRETS_PATH, type Service } from "../../config/projects/services.ts";
import { shellQuote } from "../../config/text/shell.ts";
import { hardenedOptions, labelList } from "../host/container.ts";
import { cpuLimit } from "../host/cpu-limit.ts";
import { type Host, onHost } from "../host/host.ts";
import { BridgeNetwork, Container } from "../host/lean.ts";
import { servicesNetwork } from "../host/network.ts";

/**
 * What the entry points of official images need to take over an empty directory and become a user of their own; and the right to pass on a
 * signal to that user, which the container's init has as root: without it a database would be killed at every stop. All within the container.
 */
const CAPABILITIES = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"];
/** Seconds that an update waits for a service: more than the minute for its first start and three failing checks. */
const WAIT_SECONDS = 120;
/** Restarts after which it is given up sooner. */
const MANY_RESTARTS = 3;

export interface ServicesArgs {
  host: Host;
  names: Names;
  project: string;
  services: readonly Service[];
  state: "running" | "stopped";
  /** Value of each of the services' secrets, and others. */
  secrets: Readonly<Record<string, pulumi.Input<string>>>;
  /** Ends once packet rules are in force. */
  ready: Promise<unknown>;
}

export interface MadeServices {
  /** The network's name, known once it exists. */
  readonly network: pulumi.Output<string>;
  /** What the project's container waits for: each service works, or has been given up. */
  readonly applied: readonly pulumi.CustomResource[];
}

/** Makes the services of a project. Names of resources have a dot, which no project's name has. */
export function makeServices(args: ServicesArgs, child: pulumi.CustomResourceOptions): MadeServices {
  const { host, names, project, services, ready } = args;
  const made = new BridgeNetwork(`${project}.services`, servicesNetwork(names, project), {
    ...child,
    ...onHost(host),
    deleteBeforeReplace: true,
  }).name;
  const network = made.apply((name) => ready.then(() => name));
  const create = prepareScript(host.workspacesDir, project, services);
  const prepared = host.run(`${project}.prepared`, { create, logging: "stderr" }, child);
  const applied = services.map((service) => {
    const container = runService(args, service, network, { ...child, dependsOn: [prepared] });
    const script = serviceScript(names.service(project, service.name), args, service);
    const stdin = container.id.apply((id) => `# ${id}\n`);
    return host.run(
      `${project}.${service.name}-applied`,
      { create: script, stdin, logging: "stderr" },
      child,
    );
  });
  return { network: made, applied };
}

function runService(
  { host, names, project, state, secrets }: ServicesArgs,
  service: Service,
  network: pulumi.Output<string>,
  opts: pulumi.CustomResourceOptions,
): pulumi.CustomResource {
  const { name, image, command, env, health, volumes } = service;
  const { memory, cpus } = service.resources;
  const running = state === "running";
  return new Container(
    `${project}.${name}`,
    {
      ...hardenedOptions,
      capabilities: { drops: ["ALL"], adds: CAPABILITIES },
      name: names.service(project, name),
      image,
      hostname: name,
      ...(command && { command: [...command] }),
      labels: labelList({
        [names.platformLabel]: names.prefix,
        [names.projectLabel]: project,
        [names.serviceLabel]: name,
        [SETTINGS_LABEL]: settingsDigest(service),
        // An image can have labels of its own, by which it could ask the gateway for a route.
        "traefik.enable": "false",
      }),
      envs: Object.entries(env).map(([key, value]) => `${key}=${value}`),
      uploads: service.secrets.map((secret) => ({
        file: `${SECRETS_PATH}/${secret}`,
        content: secrets[secret] ?? "",
        // The image's own user reads it; no other program is in the container.
        permissions: "0444",
      })),
      volumes: volumes.map((path) => ({
        hostPath: volumeDirectory(host.workspacesDir, project, name, path),
        containerPath: path,
      })),
      networksAdvanced: [{ name: network, aliases: [name] }],
      // Docker's DNS asks the host's nameservers, also for a network without a way out; so it has nobody to ask. It knows the names here by itself.
      dns: ["127.0.0.1"],
      ...(health === undefined ? {} : { healthcheck: healthcheck(health) }),
      memory: memory.mib,
      // The same figure: no swap.
      memorySwap: memory.mib,
      ...cpuLimit(cpus),
      mustRun: running,
      start: running,
    },
    {
      ...opts,
      ...onHost(host),
      deleteBeforeReplace: true,
      // The provider would only write these down.
      replaceOnChanges: ["healthcheck", "cpuQuota"],
    },
  );
}

/** Of what the provider takes from the image where it is not given: a value that is removed would be no change to it. */
const SETTINGS_LABEL = "dev.opencode-platform.settings";

function settingsDigest({ command, env, health }: Service): string {
  return createHash("sha256")
    .update(JSON.stringify([command ?? null, env, health ?? null]))
    .digest("hex")
    .slice(0, 12);
}

const healthcheck = (health: string) =>
  health === NO_HEALTH
    ? { tests: ["NONE"] }
    : {
        tests: ["CMD-SHELL", health],
        interval: "10s",
        timeout: "5s",
        // An empty database is filled first; failures in this time do not count.
        startPeriod: "1m0s",
        retries: 3,
      };

/**
 * Pulls the services' images, while the containers from before still run: their provider would after their removal, and an image that is not there
 * would take a database down. And makes the directories of their files, before Docker would. Each belongs at first to whoever the image runs as: it is below one that
 * nobody but the daemon's user passes. One that is there stays as it is.
 */
export function prepareScript(
  workspacesDir: string,
  project: string,
  services: readonly Pick<Service, "name" | "image" | "volumes">[],
): string {
  const paths = services.flatMap(({ name, volumes }) =>
    volumes.map((path) => volumeDirectory(workspacesDir, project, name, path)),
  );
  const pulls = services.map(({ name, image }) => {
    const quoted = shellQuote(image);
    const failed = shellQuote(`${project}: the image of its service ${name} can't be had: ${image}`);
    return `docker image inspect ${quoted} >/dev/null 2>&1 || docker pull --quiet ${quoted} >/dev/null || { echo ${failed} >&2; exit 1; }`;
  });
  const root = shellQuote(servicesDirectory(workspacesDir));
  return [
    "set -eu",
    ...pulls,
    ...(paths.length > 0 ? [`[ -d ${root} ] || { mkdir -p ${root} && chmod 0700 ${root}; }`] : []),
    ...paths.map(shellQuote).map((path) => `[ -d ${path} ] || { mkdir -p ${path} && chmod 1777 ${path}; }`),
  ].join("\n");
}

/**
 * Sets what the provider has no setting for, and stops a service or waits until it works. It doesn't fail for one that does not: that would end
 * the update, of other projects too, wherever it happens to be. What it then says is shown with the update; `doctor` and the panel say it from then on.
 */
export function serviceScript(
  container: string,
  { project, state }: Pick<ServicesArgs, "project" | "state">,
  { name, resources }: Pick<Service, "name" | "resources">,
): string {
  const limit = `docker update --pids-limit ${resources.pids} ${container} >/dev/null`;
  if (state === "stopped") return ["set -eu", limit, `docker stop -t 10 ${container} >/dev/null`].join("\n");
  const field = "{{with .State.Health}}{{.Status}}{{else}}none{{end}}";
  const output = "{{with .State.Health}}{{range .Log}}{{println .Output}}{{end}}{{end}}";
  return [
    "set -eu",
    limit,
    "second=0",
    `while [ "$second" -lt ${WAIT_SECONDS} ]; do`,
    `  state="$(docker inspect --format '{{.State.Status}} {{.RestartCount}} ${field}' ${container})"`,
    "  set -- $state",
    '  case "$1 $3" in "running healthy" | "running none") exit 0 ;; *unhealthy | exited* | dead*) break ;; esac',
    `  [ "$2" -lt ${MANY_RESTARTS} ] || break`,
    "  sleep 1",
    "  second=$((second + 1))",
    "done",
    `said="$(docker inspect --format '${output}' ${container} | grep -v '^[[:space:]]*$' | tail -n 1 | tr -cd '[:print:]' | cut -c1-300)"`,
    'if [ "$1" = running ]; then what="$3"; else what="$1"; fi',
    // Between two of them it runs for a moment.
    `[ "$2" -lt ${MANY_RESTARTS} ] || what=restarting`,
    `echo "${project}: service ${name} is $what\${said:+: $said}" >&2`,
  ].join("\n");
}
