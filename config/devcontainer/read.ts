/**
 * A repository's devcontainer.json as an entry of projects.yaml: what there is a key for, what of it a project doesn't take, and what is refused.
 * It reads a text alone. What the metadata of an image and of features say besides (`devcontainer.metadata`) is laid over it in merged.ts.
 */
import { posix } from "node:path";
import * as z from "zod";
import { UserError } from "../errors.ts";
import { IMAGE_PATTERN } from "../projects/environment.ts";
import { VARIABLE_PATTERN } from "../projects/field-schemas.ts";
import { describeIssue } from "../projects/messages.ts";
import { MAX_PORTS, OWN_PORTS, PORT_NAME_PATTERN } from "../projects/ports.ts";
import { reservedVariableReason } from "../projects/reserved.ts";
import { listOf, type UncheckedMap } from "../projects/rough.ts";
import { show } from "../text/show.ts";
import { guessSize } from "../text/sizes.ts";
import type { Path } from "../text/yaml.ts";
import { COMMAND_KEYS, type Command, LIFECYCLE, type Stage, setupLines } from "./commands.ts";
import { readMount, refuseUnsafe } from "./refuse.ts";
import { DevcontainerText } from "./text.ts";
import { substitute } from "./variables.ts";

/** What of an entry follows from the file. */
export interface DevcontainerEntry {
  /** Absent where the image has to be built first. */
  readonly image?: string;
  readonly resources?: { readonly memory?: string; readonly cpus?: number };
  readonly env?: Readonly<Record<string, string>>;
  readonly ports?: readonly (number | { readonly port: number; readonly name: string })[];
  readonly setup?: string;
  /** What runs at each start of the container: not a key of an entry. */
  readonly start?: string;
}

export interface Devcontainer {
  readonly entry: DevcontainerEntry;
  /** The file as written. */
  readonly written: UncheckedMap;
  /** Whether the image has to be built by the reference implementation, of a Dockerfile or with features. */
  readonly isBuilt: boolean;
  /** What a project doesn't take, each with the reason. */
  readonly left: readonly string[];
}

const single = z.union([z.string(), z.array(z.string())], {
  error: "is not a command: text, or a list of texts",
});
const command = z.union([single, z.record(z.string(), single)], {
  error: "is not a command: text, a list of texts, or a map of them",
});
const port = z.union([z.int().min(1).max(65_535), z.string()], { error: "is not a port" });
const texts = z.record(z.string(), z.union([z.string(), z.null()]));

/** As far as it is read here: other keys are others' business. */
const schema = z.looseObject({
  image: z.string().optional(),
  build: z.looseObject({ dockerfile: z.string().optional(), context: z.string().optional() }).optional(),
  dockerFile: z.string().optional(),
  context: z.string().optional(),
  features: z.record(z.string(), z.unknown()).optional(),
  containerEnv: texts.optional(),
  remoteEnv: texts.optional(),
  forwardPorts: z.array(port).optional(),
  appPort: z.union([port, z.array(port)]).optional(),
  portsAttributes: z.record(z.string(), z.looseObject({ label: z.string().optional() })).optional(),
  hostRequirements: z
    .looseObject({
      cpus: z.number().optional(),
      memory: z.string().optional(),
      storage: z.unknown().optional(),
      gpu: z.unknown().optional(),
    })
    .optional(),
  ...Object.fromEntries(COMMAND_KEYS.map((key) => [key, command.optional()])),
});
type Written = z.output<typeof schema> &
  Partial<Record<(typeof COMMAND_KEYS)[number], z.output<typeof command>>>;

/** Keys without meaning for a project, each with the reason. */
const NOT_TAKEN: Readonly<Record<string, string>> = {
  postAttachCommand: "runs when an editor is attached",
  remoteUser: "a project has a user of its own",
  containerUser: "a project has a user of its own",
  workspaceMount: "a project's workspace is /workspace",
  workspaceFolder: "a project's workspace is /workspace",
};

/**
 * Reads a devcontainer.json.
 * @param file how messages call it, relative to the repository
 * @param project the entry's name
 * @param merged what it says together with its image and features: a text that no person has written, and the commands of all
 * @throws UserError with everything that is wrong with it, or that a project can't have
 */
export function readDevcontainer(
  content: string,
  file: string,
  project: string,
  merged?: Merged,
): Devcontainer {
  const text = new DevcontainerText(merged?.content ?? content, merged?.label ?? file, !merged);
  refuseUnsafe(text);
  const { data, error } = schema.safeParse(text.value, { error: (issue) => describeIssue(issue) });
  for (const { path, message } of error?.issues ?? []) text.refuse(path as Path, message);
  const written = data as Written | undefined;
  const reader = written && new Reader(text, written, file, project, merged?.commands);
  const read = reader?.read();
  text.throwProblems();
  if (!read) throw new UserError("config", [{ where: file, what: "can't be read" }]);
  return read;
}

/** A file with what its image and features say besides. */
export interface Merged {
  readonly content: string;
  /** What messages call it. */
  readonly label: string;
  /** All commands of a stage, in the order in which they run. */
  readonly commands: Readonly<Record<Stage, readonly Command[]>>;
}

class Reader {
  readonly #left: string[] = [];
  readonly #text: DevcontainerText;
  readonly #written: Written;
  readonly #file: string;
  readonly #project: string;
  readonly #commands: Merged["commands"] | undefined;

  constructor(
    text: DevcontainerText,
    written: Written,
    file: string,
    project: string,
    commands?: Merged["commands"],
  ) {
    this.#commands = commands;
    this.#text = text;
    this.#written = written;
    this.#file = file;
    this.#project = project;
  }

  read(): Devcontainer {
    const isBuilt = this.#isBuilt();
    const [env, ports] = [this.#env(), this.#ports()];
    const [setup, start, resources] = [this.#lines("setup"), this.#lines("start"), this.#resources()];
    for (const mount of listOf(this.#written.mounts))
      this.#leave(
        `mount ${readMount(mount).target}`,
        "what is in the home outlives the container, and nothing else",
      );
    for (const [key, reason] of Object.entries(NOT_TAKEN))
      if (this.#written[key] !== undefined) this.#leave(key, reason);
    const { image } = this.#written;
    return {
      written: this.#text.value,
      entry: {
        ...(isBuilt || image === undefined ? {} : { image }),
        ...(Object.keys(resources).length > 0 ? { resources } : {}),
        ...(Object.keys(env).length > 0 ? { env } : {}),
        ...(ports.length > 0 ? { ports } : {}),
        ...(setup ? { setup } : {}),
        ...(start ? { start } : {}),
      },
      isBuilt,
      left: this.#left,
    };
  }

  #leave(what: string, reason: string): void {
    this.#left.push(`${what}: ${reason}`);
  }

  #isBuilt(): boolean {
    const { image, build, dockerFile, context, features = {} } = this.#written;
    const path = dockerFile === undefined ? ["build", "dockerfile"] : ["dockerFile"];
    const dockerfile = dockerFile ?? build?.dockerfile;
    if (dockerfile !== undefined) {
      this.#refuseOutside(path, dockerfile);
      const contextPath = build?.context === undefined ? ["context"] : ["build", "context"];
      this.#refuseOutside(contextPath, build?.context ?? context ?? ".");
      return true;
    }
    if (this.#written.dockerComposeFile !== undefined) return false;
    if (image === undefined)
      this.#text.refuse(["image"], "is missing: write an image, or build: { dockerfile }");
    else if (!IMAGE_PATTERN.test(image))
      this.#text.refuse(["image"], `${show(image)} is not an image reference`);
    return Object.keys(features).length > 0;
  }

  /** What is built is of the repository. */
  #refuseOutside(path: Path, written: string): void {
    const folder = posix.join("/", posix.dirname(this.#file));
    const depth = folder.split("/").filter(Boolean).length;
    const parts = posix.normalize(written).split("/");
    const up = parts.filter((part) => part === "..").length;
    if (posix.isAbsolute(written) || up > depth)
      this.#text.refuse(path, `${show(written)} is outside of the repository`, "write a path within it");
  }

  #env(): Record<string, string> {
    const { containerEnv = {}, remoteEnv = {} } = this.#written;
    const env: Record<string, string> = {};
    for (const [key, values] of Object.entries({ containerEnv, remoteEnv }))
      for (const [name, value] of Object.entries(values)) {
        const at = `${key}.${name}`;
        const { text = "", unknown } = value === null ? {} : substitute(value, this.#project);
        const reason = reservedVariableReason(name);
        if (!VARIABLE_PATTERN.test(name)) this.#leave(at, "is no name of a variable");
        else if (reason) this.#leave(at, reason);
        else if (value === null) delete env[name];
        else if (unknown) this.#leave(at, `${unknown}; put a value under env or secrets`);
        else env[name] = text;
      }
    return env;
  }

  #ports(): NonNullable<DevcontainerEntry["ports"]> {
    const { forwardPorts = [], appPort = [], portsAttributes = {} } = this.#written;
    const found = new Map<number, string>();
    for (const written of [...forwardPorts, ...(Array.isArray(appPort) ? appPort : [appPort])]) {
      const [host, number] = portOf(written);
      if (host && host !== "localhost") this.#leave(`port ${written}`, "is another container's");
      else if (!number || number > 65_535) this.#leave(`port ${written}`, "is not a single port");
      else if (OWN_PORTS[number]) this.#leave(`port ${number}`, "is the platform's own");
      else if (!found.has(number)) found.set(number, nameOf(portsAttributes[number]?.label));
    }
    const ports = [...found];
    for (const [number] of ports.slice(MAX_PORTS))
      this.#leave(`port ${number}`, `an entry has ${MAX_PORTS} ports at most`);
    const names = ports.map(([, name]) => name);
    return ports
      .slice(0, MAX_PORTS)
      .map(([port, name], index) => (name && names.indexOf(name) === index ? { port, name } : port));
  }

  #lines(stage: Stage): string {
    const own = LIFECYCLE[stage].flatMap((key) => {
      const written = this.#written[key];
      return written === undefined ? [] : [written];
    });
    const commands = this.#commands?.[stage] ?? own;
    const { text, unknown } = substitute(setupLines(commands), this.#project);
    if (unknown) this.#leave("a command", `${unknown}; it stays as it is`);
    if (/\bsudo\b/.test(text))
      this.#leave("sudo", "nobody is root in a project: put what is installed so under packages");
    return text;
  }

  #resources(): NonNullable<DevcontainerEntry["resources"]> {
    const { cpus, memory, storage, gpu } = this.#written.hostRequirements ?? {};
    const size =
      memory === undefined
        ? undefined
        : guessSize(memory.replace(/^\s*(\d+)\s*tb$/i, (_, tb) => `${Number(tb) * 1000}gb`));
    if (memory !== undefined && size === undefined)
      this.#text.refuse(["hostRequirements", "memory"], `${show(memory)} is not a size (e.g. 8gb)`);
    if (storage !== undefined) this.#leave("hostRequirements.storage", "projects share the host's disk");
    if (gpu !== undefined && gpu !== false && gpu !== "optional")
      this.#text.refuse(
        ["hostRequirements", "gpu"],
        "is required, and a project has none",
        'write "optional"',
      );
    return { ...(size === undefined ? {} : { memory: size }), ...(cpus === undefined ? {} : { cpus }) };
  }
}

/** `3000`, `"localhost:3000"`, or `appPort`'s `"8080:3000"`, whose second is the container's. */
function portOf(written: number | string): readonly [host: string, port: number] {
  const [, host = "", text = ""] = /^(?:(.*):)?(\d+)$/.exec(String(written)) ?? [];
  return [/^[\d.:]+$/.test(host) ? "" : host, Number(text)];
}

/** A label as a port's name; empty if it is none. */
function nameOf(label = ""): string {
  const name = label
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "");
  return PORT_NAME_PATTERN.test(name) ? name : "";
}
