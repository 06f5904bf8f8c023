/**
 * What a devcontainer.json says together with the metadata of its image and its features, of what `devcontainer read-configuration
 * --include-merged-configuration` prints. The reference implementation has put the variables of this machine into the file's own values, so
 * those are taken from the file.
 */
import * as z from "zod";
import { fail } from "../errors.ts";
import { listOf, mapOf, type UncheckedMap } from "../projects/rough.ts";
import { parseJson } from "../text/json.ts";
import { type Command, LIFECYCLE, type Stage } from "./commands.ts";
import { type Devcontainer, type Merged, readDevcontainer } from "./read.ts";

/** Asks of the image and its features that reach the host, or widen what the container may. */
const UNSAFE = ["privileged", "capAdd", "securityOpt", "mounts"] as const;

const single = z.union([z.string(), z.array(z.string())]);
const commands = z.array(z.union([single, z.record(z.string(), single)])).catch([]);

/** What is printed, as far as it is used. */
interface Printed {
  readonly merged: UncheckedMap;
  /** Identities of the features, in the order of their installation. */
  readonly features: readonly string[];
}

/** @throws UserError if it is something else */
export function readPrinted(stdout: string): Printed {
  const value = mapOf(parseJson(stdout.trim().split("\n").at(-1) ?? ""));
  const { mergedConfiguration: merged, featuresConfiguration } = value;
  if (merged === undefined) fail("environment", "devcontainer", "has printed no configuration");
  const features = listOf(mapOf(featuresConfiguration).featureSets).map((set) => {
    const { sourceInformation, features } = mapOf(set);
    const { userFeatureId, manifestDigest, resolvedFilePath } = mapOf(sourceInformation);
    // A folder of the repository is known by its tree, and not by where the clone is.
    const identity = resolvedFilePath === undefined ? manifestDigest : "";
    const values = listOf(features).map((feature) => mapOf(feature).value);
    return JSON.stringify([userFeatureId, identity, values]);
  });
  return { merged: mapOf(merged), features };
}

/**
 * Reads a devcontainer.json with what its image and features say besides.
 * @param own the file by itself
 * @throws UserError as readDevcontainer does
 */
export function readMerged(
  own: Devcontainer,
  { merged }: Printed,
  file: string,
  project: string,
): Devcontainer {
  const { written } = own;
  const content = {
    ...written,
    forwardPorts: merged.forwardPorts ?? written.forwardPorts,
    portsAttributes: merged.portsAttributes ?? written.portsAttributes,
    hostRequirements: requirementsOf(merged.hostRequirements) ?? written.hostRequirements,
    ...Object.fromEntries(UNSAFE.map((key) => [key, merged[key]])),
  };
  const commandsIn = (stage: Stage) =>
    LIFECYCLE[stage].flatMap((key) => commandsOf(merged[`${key}s`], written[key]));
  const all: Merged = {
    content: JSON.stringify(content),
    label: `${file}, its image and its features`,
    commands: { setup: commandsIn("setup"), start: commandsIn("start") },
  };
  const read = readDevcontainer("", file, project, all);
  const left = [
    ...listOf(merged.entrypoints).map(
      (path) => `entrypoint ${path} of a feature: a project has one of its own`,
    ),
    // Their values may be of this machine by now.
    ...(["containerEnv", "remoteEnv"] as const).flatMap((key) =>
      Object.keys(mapOf(merged[key]))
        .filter((name) => mapOf(written[key])[name] === undefined)
        .map((name) => `${key}.${name} of the image: put it under env`),
    ),
  ];
  return { ...read, left: [...read.left, ...left] };
}

/** Those of image and features, and then the file's own as it is written. */
function commandsOf(all: unknown, own: unknown): Command[] {
  const found = commands.parse(all ?? []);
  const last = commands.parse(own === undefined ? [] : [own]);
  return [...found.slice(0, found.length - last.length), ...last];
}

/** The greatest of all, with memory in bytes. */
function requirementsOf(value: unknown): UncheckedMap | undefined {
  if (value === undefined) return undefined;
  const { memory, ...rest } = mapOf(value);
  const bytes = Number(memory);
  if (!(bytes > 0)) return { ...rest, ...(memory === undefined ? {} : { memory }) };
  const [GIB, MIB] = [2 ** 30, 2 ** 20];
  return { ...rest, memory: bytes % GIB === 0 ? `${bytes / GIB}gib` : `${Math.ceil(bytes / MIB)}mib` };
}
