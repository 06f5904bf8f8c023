/** docker:index/image:Image. */

import { join, relative, resolve } from "node:path";
import { arch } from "node:process";
import { Readable } from "node:stream";
import type { ImageBuildOptions } from "dockerode";
import { plainText } from "../../../config/text/plain.ts";
import { diffProps } from "../shared/diff.ts";
import { compact, record, str, strings, texts } from "../shared/plain.ts";
import type {
  CheckArgs,
  CheckResult,
  Context,
  DiffRequest,
  DiffResult,
  ReadResult,
  Resource,
} from "../shared/resource.ts";
import { checkProps, flag, type Property, type Schema, text, textList, textMap } from "../shared/schema.ts";
import { pack } from "../shared/tar.ts";
import {
  hasUnknown,
  isProps,
  type PlainProps,
  type Props,
  reveal,
  revealProps,
  Secret,
  UNKNOWN,
  type Value,
} from "../shared/values.ts";
import { docker, reasonOf } from "./client.ts";
import { checkDockerfile, formerDigest, readContext } from "./context.ts";
import { localImage } from "./images.ts";

function notCovered(type: Property["type"], what: string): Property {
  return {
    type,
    refused: `the stand-in docker plugin doesn't cover ${what}; install the official plugin to use it`,
  };
}

const buildFields: Schema = {
  addHosts: textList,
  args: textMap,
  builderVersion: { ...text, pattern: /^BuilderV1$/ },
  cacheFrom: notCovered("any", "cacheFrom"),
  context: text,
  contextDigest: text,
  dockerfile: text,
  network: text,
  platform: text,
  target: text,
};

export const schema: Schema = {
  build: { type: "object", fields: buildFields },
  buildOnPreview: flag,
  imageName: { ...text, required: true },
  registry: notCovered("any", "pushing to a registry"),
  skipPush: flag,
};

/** Docker's name of this machine's platform. */
function hostPlatform(): string {
  return `linux/${arch === "x64" ? "amd64" : arch}`;
}

/** Fills in what the official plugin does, so that a change of any file in the context changes the inputs. */
export function check({ news }: CheckArgs): CheckResult {
  const failures = checkProps(schema, news);
  if (news.skipPush !== true) {
    failures.push({
      property: "skipPush",
      reason:
        "must be true: the stand-in docker plugin doesn't push images; install the official plugin to do so",
    });
  }
  const build = news.build instanceof Secret ? news.build.value : (news.build ?? {});
  if (failures.length > 0 || !isProps(build)) return { inputs: news, failures };
  const filled = fillBuild(build);
  if (typeof filled.context === "string" && typeof filled.dockerfile === "string") {
    const reason = checkDockerfile(filled.context, filled.dockerfile);
    if (reason !== undefined) return { inputs: news, failures: [{ property: "build.dockerfile", reason }] };
    filled.contextDigest = readContext(filled.context, filled.dockerfile).digest;
  }
  const inputs = { ...news, buildOnPreview: news.buildOnPreview ?? false, build: filled };
  return {
    inputs: news.build instanceof Secret ? { ...inputs, build: new Secret(filled) } : inputs,
    failures,
  };
}

function fillBuild(build: Props): Props {
  const context: Value = build.context ?? ".";
  const dockerfile =
    build.dockerfile ?? (hasUnknown(context) ? UNKNOWN : join(String(reveal(context)), "Dockerfile"));
  return {
    ...build,
    context: bare(context),
    dockerfile: bare(dockerfile),
    platform: build.platform ?? hostPlatform(),
  };
}

/** A path isn't secret, even if it is wrapped. */
function bare(value: Value): Value {
  return value instanceof Secret ? value.value : value;
}

function diff({ oldInputs, news, ignore }: DiffRequest): DiffResult {
  const state = digestOf(oldInputs) === digestOf(news) ? oldInputs : withPresentDigest(oldInputs);
  return { changes: diffProps({ schema, state, news, ignore }), deleteBeforeReplace: false };
}

function buildOf(inputs: Props): PlainProps {
  return record(inputs.build === undefined ? undefined : reveal(inputs.build)) ?? {};
}

function digestOf(inputs: Props): string | undefined {
  return str(buildOf(inputs).contextDigest);
}

/** Updates the digest in older inputs to its current form, if the files have not changed. */
function withPresentDigest(inputs: Props): Props {
  const { context = "", dockerfile = "", contextDigest } = buildOf(inputs);
  const build = inputs.build instanceof Secret ? inputs.build.value : inputs.build;
  if (contextDigest === undefined || !isProps(build)) return inputs;
  if (checkDockerfile(String(context), String(dockerfile)) !== undefined) return inputs;
  const source = readContext(String(context), String(dockerfile));
  if (formerDigest(source) !== contextDigest) return inputs;
  const present = { ...build, contextDigest: source.digest };
  return { ...inputs, build: inputs.build instanceof Secret ? new Secret(present) : present };
}

/** The daemon's build request. */
export function buildOptions(inputs: PlainProps, dockerfile: string): ImageBuildOptions {
  const build = record(inputs.build) ?? {};
  return {
    t: str(inputs.imageName) ?? "",
    dockerfile,
    rm: true,
    forcerm: true,
    ...compact({
      buildargs: build.args === undefined ? undefined : texts(build.args),
      extrahosts: build.addHosts === undefined ? undefined : strings(build.addHosts).join(","),
      networkmode: str(build.network),
      platform: str(build.platform),
      target: str(build.target),
    }),
  };
}

interface Progress {
  readonly stream?: string;
  readonly error?: string;
}

const TAIL_LINES = 20;

async function build(inputs: PlainProps, context: Context): Promise<string> {
  const { context: folder, dockerfile } = record(inputs.build) ?? {};
  const source = readContext(str(folder) ?? ".", str(dockerfile) ?? "Dockerfile");
  const name = str(inputs.imageName) ?? "";
  const daemon = await docker();
  context.status(`Building ${name}`);
  const lines: string[] = [];
  let failure: string | undefined;
  const note = ({ stream, error }: Progress): void => {
    // The daemon's stream ends normally even after an error.
    failure ??= error;
    const line = (error ?? stream ?? "").trimEnd();
    if (line === "") return;
    lines.push(line);
    context.status(line);
  };
  try {
    const stream = await daemon.buildImage(packed(source.entries), buildOptions(inputs, source.dockerfile));
    await new Promise<void>((resolve, reject) => {
      context.signal.addEventListener("abort", () => reject(new Error("cancelled")), { once: true });
      daemon.modem.followProgress(stream, (error) => (error === null ? resolve() : reject(error)), note);
    });
    if (failure !== undefined) throw new Error(failure);
  } catch (error) {
    const tail = outputOfStep(lines, failure).slice(-TAIL_LINES).join("\n");
    throw new Error(`can't build image "${name}": ${reasonOf(error)}${tail === "" ? "" : `\n${tail}`}`);
  }
  const image = await localImage(name);
  if (image === undefined) throw new Error(`image "${name}" was built but not found; try again`);
  return image.Id;
}

/** What the builder itself says of a step. */
const BUILDER_LINE = /^(---> |Removing intermediate container )/;

/** What the step that failed has printed. */
export function outputOfStep(lines: readonly string[], failure: string | undefined): string[] {
  const from = lines.findLastIndex((line) => /^Step \d+\/\d+ : /.test(line));
  return lines
    .slice(from + 1)
    .map((line) => plainText(line).trim())
    .filter((line) => line !== "" && line !== failure?.trimEnd() && !BUILDER_LINE.test(line));
}

function packed(entries: Parameters<typeof pack>[0]): NodeJS.ReadableStream {
  // dockerode needs a stream; the archive is small enough for memory.
  return Readable.from([pack(entries)]);
}

/** The state: outputs, and the inputs under the official plugin's name. */
function stateOf(inputs: Props, imageId: string): Props {
  const plain = revealProps(inputs);
  const build = record(plain.build) ?? {};
  const name = str(plain.imageName) ?? "";
  return {
    __inputs: new Secret(inputs),
    baseImageName: name,
    context: str(build.context) ?? ".",
    dockerfile: dockerfileOf(build),
    imageName: name,
    platform: str(build.platform) ?? "",
    registryServer: "",
    repoDigest: imageId,
  };
}

/** The Dockerfile within the context, as in the official plugin's state. */
function dockerfileOf(build: PlainProps): string {
  const context = str(build.context) ?? ".";
  return relative(resolve(context), resolve(str(build.dockerfile) ?? join(context, "Dockerfile")));
}

/** The image is left alone, as in the official plugin; an older state is converted to that plugin's form. */
async function read(id: string, inputs: Props, state: Props): Promise<ReadResult | undefined> {
  if ((await localImage(id)) === undefined) return undefined;
  const kept = state.__inputs instanceof Secret ? state.__inputs.value : state.__inputs;
  if (kept === undefined || !isProps(kept)) return { id, inputs, state };
  const now = withPresentDigest(kept);
  const present = { ...state, __inputs: new Secret(now), dockerfile: dockerfileOf(buildOf(now)) };
  return { id, inputs: withPresentDigest(inputs), state: present };
}

function preview(inputs: Props): Props {
  return { ...inputs, baseImageName: inputs.imageName ?? UNKNOWN, repoDigest: UNKNOWN };
}

export const image: Resource = {
  check,
  diff,
  previewCreate: preview,
  create: async (inputs, context) => {
    const imageId = await build(revealProps(inputs), context);
    return { id: str(revealProps(inputs).imageName) ?? "", state: stateOf(inputs, imageId) };
  },
  read,
  previewUpdate: ({ news }) => preview(news),
  update: async ({ news }, context) => stateOf(news, await build(revealProps(news), context)),
  // As in the official plugin, the image stays on the daemon.
  delete: async () => {},
};
