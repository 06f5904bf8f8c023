import { lookup } from "node:dns/promises";
import { existsSync, statfsSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join, sep } from "node:path";
import type { Problem } from "../../config/errors.ts";
import { LOCAL_STACK, removeCommand, settingKey } from "../../config/stack/commands.ts";
import type { LocalWorkspaces } from "../../config/stack/workspaces-dir.ts";
import { shellQuote } from "../../config/text/shell.ts";
import { DOCKER_OLDEST, NODE_OLDEST, TRAEFIK_IMAGE } from "../../config/versions.ts";
import { docker, dockerHost, engineVersion, imageId } from "../../toolchain/lib/docker.ts";
import { compareVersions } from "../../toolchain/lib/words.ts";
import { summarisePlugins } from "../../toolchain/parts/plugins.ts";
import { findPulumi } from "../../toolchain/parts/pulumi.ts";
import type { ContainerState } from "../docker/containers.ts";
import { isPackage, readVersion, toolchain } from "../engine/checkout.ts";
import { pluginProblem } from "../engine/plugins.ts";
import type { Session } from "../engine/session.ts";
import { type Finding, failed, note, ok } from "./finding.ts";

const GIB = 2 ** 30;
/** Least free disk space for an image and a clone. */
const DISK_LOW = 2 * GIB;

/** Checks Node, the dependencies, and the Pulumi CLI with its plugins. */
export async function checkTools(session: Session, isInstalled: boolean): Promise<Finding[]> {
  const node = process.versions.node;
  const pulumi = await findPulumi(toolchain);
  return [
    compareVersions(node, NODE_OLDEST) >= 0
      ? ok(`node: ${node}`)
      : failed(`node: ${node} is too old`, "npm ci"),
    checkDependencies(isInstalled),
    pulumi
      ? ok(`pulumi: ${pulumi.version} (${pulumi.path})`)
      : failed("pulumi: not installed yet", "npm start"),
    pluginsFinding(await summarisePlugins(toolchain), await pluginProblem(session)),
  ];
}

/** The launcher keeps a checkout's dependencies as locked; in a team's repository npm does. */
function checkDependencies(isInstalled: boolean): Finding {
  if (isPackage) return ok(`opencode-platform: ${readVersion()}`);
  return isInstalled
    ? ok("dependencies: match package-lock.json")
    : failed("dependencies: do not match package-lock.json", "npm start, which installs them");
}

/** The plugins that the engine uses for a stack; `problem`: why they are not allowed. */
export function pluginsFinding(summary: string, problem?: Problem): Finding {
  const text = `plugins: ${summary}`;
  if (problem) return failed(`${text}: ${problem.what}`, problem.fix ?? "install the official ones");
  if (!summary.includes("stand-in")) return ok(text);
  return note(
    text,
    "they serve this machine's stack and tests; npm start replaces them once get.pulumi.com answers",
  );
}

/** Checks that the Engine responds, its version and its images. */
export async function checkDocker(
  env: NodeJS.ProcessEnv,
  images: readonly string[],
): Promise<{ findings: Finding[]; answers: boolean }> {
  const version = await engineVersion(env);
  const address = env.DOCKER_HOST ?? dockerHost() ?? "the usual socket";
  if (!version) {
    const finding = failed(`docker: nothing answers at ${address}`, "start Docker, or run npm start");
    return { findings: [finding], answers: false };
  }
  const found: Finding[] = [
    compareVersions(version, DOCKER_OLDEST) >= 0
      ? ok(`docker: ${version} answers at ${address}`)
      : failed(`docker: ${version} is older than ${DOCKER_OLDEST}`, "upgrade Docker"),
  ];
  for (const image of [...images, TRAEFIK_IMAGE]) {
    found.push(
      (await imageId(image, env)) ? ok(`image: ${image}`) : failed(`image: ${image} is missing`, "npm start"),
    );
  }
  const { stdout } = await docker(["info", "--format", "{{.OperatingSystem}}"], env);
  if (/Docker Desktop/.test(stdout)) {
    const fix = "Docker Desktop → Settings → Resources → Network → Enable host networking";
    found.push(note("docker: this is Docker Desktop, where the gateway needs host networking", fix));
  }
  return { findings: found, answers: true };
}

/** Checks the free disk space for workspaces and images. */
export function checkDisk(folders: readonly string[]): Finding[] {
  return folders.map((folder) => {
    let there = folder;
    while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
    const { bavail, bsize } = statfsSync(there);
    const free = bavail * bsize;
    const text = `disk: ${(free / GIB).toFixed(1)} GiB free at ${folder}`;
    return free >= DISK_LOW ? ok(text) : failed(text, "free some space, e.g. docker system prune");
  });
}

/**
 * Whether workspaces are outside of the checkout: an editor that has it open looks into the repositories in it, and git then runs what an agent
 * has written into their configuration.
 * @param outside where they are by default
 */
export function checkPlace({ path, kind }: LocalWorkspaces, checkout: string, outside: string): Finding[] {
  if (!path.startsWith(join(checkout, sep))) return [];
  const [from, to] = [path, outside].map(shellQuote);
  const move = `npm run down && mkdir -p ${shellQuote(dirname(outside))} && mv ${from} ${to}`;
  const unset = kind === "setting" ? ` && ${removeCommand(settingKey("workspacesDir"), LOCAL_STACK)}` : "";
  return [
    note(
      "workspaces: inside the checkout, where an editor that has it open runs what agents write into git's settings",
      `${move}${unset} && npm start`,
    ),
  ];
}

/** Compares the containers' memory limits with the host's memory. */
export function checkMemory(containers: readonly ContainerState[], total = totalmem()): Finding {
  const limits = containers.filter(({ status }) => status === "running").map(({ memory }) => memory);
  const promised = limits.reduce((sum, memory) => sum + memory, 0);
  const text = `memory: running containers may use ${(promised / GIB).toFixed(1)} of ${(total / GIB).toFixed(1)} GiB`;
  if (promised <= total) return ok(text);
  return note(
    text,
    "if the machine starts to swap, lower resources.memory in projects.yaml or stop some projects",
  );
}

/** Checks that programs resolve names such as a.localhost to this machine. */
export async function checkLocalhostNames(): Promise<Finding> {
  const address = await lookup("a.localhost").then(
    ({ address }) => address,
    () => undefined,
  );
  if (address === "127.0.0.1" || address === "::1") return ok("names: *.localhost resolves to this machine");
  return note(
    "names: only browsers resolve *.localhost here; terminals use http://localhost:<port>/p/<name>",
  );
}
