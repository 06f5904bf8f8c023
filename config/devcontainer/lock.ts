/**
 * What `npm run devcontainer -- <project>` has found out of a repository's devcontainer.json, in a file beside projects.yaml that is committed. From
 * both files the program follows without network, and a change in the repository changes nothing until somebody looks again.
 */
import { join } from "node:path";
import * as z from "zod";
import { IMAGE_PATTERN } from "../projects/environment.ts";
import { memorySize, shellLines, variableName } from "../projects/field-schemas.ts";
import { describeIssue, formatPath } from "../projects/messages.ts";
import { ports } from "../projects/ports.ts";
import { parseJson } from "../text/json.ts";
import { readOptional } from "../text/read-optional.ts";
import type { Path } from "../text/yaml.ts";
import type { DevcontainerEntry } from "./read.ts";

/** The folder of those files, relative to projects.yaml. */
export const LOCKS_FOLDER = "devcontainers";
/** Of the file's form. */
const VERSION = 1;

/**
 * The file of a project, relative to projects.yaml.
 * @param stack whose own it is. Default: what all stacks have that have none of their own
 */
export const lockFile = (project: string, stack?: string): string =>
  `${LOCKS_FOLDER}/${[project, stack, "json"].filter(Boolean).join(".")}`;

const schema = z.strictObject({
  version: z.literal(VERSION),
  /** What the entry said. */
  repo: z.string(),
  branch: z.string().optional(),
  devcontainer: z.union([z.literal(true), z.string()]),
  /** What was read. */
  commit: z.string().regex(/^[0-9a-f]{40,64}$/),
  file: z.string(),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  /** Of what has to be built, what it is built of: the image's tag. Else `image` is one of a registry. */
  built: z
    .string()
    .regex(/^[0-9a-f]{12}$/)
    .optional(),
  image: z.string().regex(IMAGE_PATTERN).optional(),
  env: z.record(variableName, z.string()).optional(),
  ports: ports.optional(),
  setup: shellLines.optional(),
  /** At each start of the container. */
  start: shellLines.optional(),
  requires: z.strictObject({ memory: memorySize.optional(), cpus: z.number().optional() }).optional(),
});

/** A repository's devcontainer.json, as a project has it. */
export type DevcontainerLock = z.output<typeof schema>;

/** What an entry says of it, as written. */
export interface Asked {
  readonly repo: string;
  readonly branch?: string | undefined;
  /** `true`: the one of the specification's places. */
  readonly devcontainer: true | string;
}

/** What was read, and where. */
export interface Resolved {
  readonly commit: string;
  readonly file: string;
  readonly digest: string;
  readonly built?: string | undefined;
  readonly entry: DevcontainerEntry;
}

/** The text of a project's file. */
export function renderLock(
  { repo, branch, devcontainer }: Asked,
  { commit, file, digest, built, entry: { image, env, ports, setup, start, resources } }: Resolved,
): string {
  const lock = {
    version: VERSION,
    repo,
    branch,
    devcontainer,
    commit,
    file,
    digest,
    built,
    image,
    env,
    ports,
    setup,
    start,
    requires: resources,
  };
  return `${JSON.stringify(lock, null, 2)}\n`;
}

/** What is wrong with a file. */
interface Broken {
  readonly mistake: string;
  /** Of what a devcontainer.json says that no project can have: where and why. */
  readonly reason?: string;
}

/** A file's text as what it says, or what is wrong with it. */
export function parseLock(text: string): DevcontainerLock | Broken {
  const value = parseJson(text);
  const { version } = (value ?? {}) as { version?: unknown };
  if (value === undefined) return { mistake: "is no JSON" };
  if (typeof version === "number" && version !== VERSION)
    return { mistake: `is of the form ${version}, which this version of the platform does not know` };
  const { data, error } = schema.safeParse(value, { error: (issue) => describeIssue(issue) });
  if (!data) {
    const [issue] = error.issues;
    const at = formatPath((issue?.path ?? []) as Path);
    return { mistake: `is broken at ${at || "its start"}`, reason: [at, issue?.message].join(" ").trim() };
  }
  if ((data.built === undefined) === (data.image === undefined))
    return { mistake: "is broken: it has to say either image or built" };
  return data;
}

/** What a lock says that the entry does not say any more; undefined if it is the entry's. */
export function staleness(lock: DevcontainerLock, asked: Asked): string | undefined {
  const keys = ["repo", "branch", "devcontainer"] as const;
  const key = keys.find((key) => lock[key] !== asked[key]);
  return key && `is of ${key}: ${lock[key] ?? "the repository's own"}`;
}

/** How the locks of a folder are read. @param stack as lockFile has it @returns undefined for a project that has none */
export const locksIn =
  (directory: string, stack?: string) =>
  (project: string): string | undefined =>
    readOptional(join(directory, lockFile(project, stack)));
