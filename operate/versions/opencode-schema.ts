/**
 * The JSON schema of opencode's settings, as a release describes it itself: for config/opencode-schemas, by which projects.yaml is checked
 * without a network.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { fail } from "../../config/errors.ts";
import { apiFor, type OpencodeApi } from "../../opencode/api/index.ts";
import { mustExec } from "../../toolchain/lib/exec.ts";
import { runNpm, type Sources } from "./newest.ts";

type Json = Readonly<Record<string, unknown>>;

const TIMEOUT_MS = 60_000;
const POLL_MS = 250;
/** A request that arrives while the server starts may never be answered. */
const REQUEST_TIMEOUT_MS = 5_000;
const LOOPBACK = "127.0.0.1";
const PREFIX = "#/components/schemas/";
const descriptionSchema = z.looseObject({
  components: z.looseObject({ schemas: z.record(z.string(), z.record(z.string(), z.unknown())) }),
});

/**
 * Runs a release on this machine's loopback and writes the schema that it describes itself by.
 * @param spec the npm package to run. Default: the release's own for x64
 * @returns the written file, relative to the checkout
 * @throws UserError if it is not published or does not answer
 */
export async function writeSettingsSchema(
  checkout: string,
  version: string,
  spec?: string,
  { npm = runNpm }: Sources = {},
): Promise<string> {
  const api = apiFor(version);
  const source = spec ?? `${api.server.npmPackage("x64-baseline")}@${version}`;
  const folder = mkdtempSync(join(tmpdir(), "opencode-schema-"));
  try {
    await npm(["pack", "--silent", "--ignore-scripts", "--pack-destination", folder, source]).catch(() => "");
    const [archive = ""] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
    if (!archive) fail("config", source, "has no package in npm's registry");
    await mustExec("tar", ["--extract", "--no-same-owner", "--file", archive], { cwd: folder });
    const schema = settingsSchemaIn(await describedBy(api, folder), api.settingsSchema);
    const path = `config/opencode-schemas/${api.major}.json`;
    const from = `${source}, ${api.settingsSchema} of ${api.descriptionPath}`;
    const date = new Date().toISOString().slice(0, 10);
    writeFileSync(join(checkout, path), render({ release: version, source: from, date, schema }));
    return path;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * A schema out of a description, with all that it refers to under `$defs` and nothing else.
 * @throws UserError if the description has no schema of that name
 */
export function settingsSchemaIn(description: unknown, name: string): Json {
  const { schemas } = descriptionSchema.parse(description).components;
  const definitions = new Map<string, Json>();
  const take = (each: string): void => {
    const schema =
      (Object.hasOwn(schemas, each) && schemas[each]) ||
      fail("config", "opencode's description", `has no schema ${each}`);
    definitions.set(each, JSON.parse(JSON.stringify(schema).replaceAll(PREFIX, "#/$defs/")));
    for (const other of referencesIn(schema)) if (!definitions.has(other)) take(other);
  };
  take(name);
  const { [name]: root, ...$defs } = Object.fromEntries(definitions);
  return { ...root, $defs };
}

function referencesIn(schema: unknown): string[] {
  const found = JSON.stringify(schema).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g);
  return Array.from(found, ([, name = ""]) => name);
}

/** One line per setting and definition, so that a newer release's differences can be read. */
function render({ schema, ...header }: Json & { readonly schema: Json }): string {
  const { $defs, properties, ...root } = schema;
  const lines = (map: unknown, indent: string) =>
    Object.entries(map as Json)
      .map(([key, value]) => `${indent}${JSON.stringify(key)}: ${JSON.stringify(value)}`)
      .join(",\n");
  return `{
${lines(header, "  ")},
  "schema": {
${lines(root, "    ")},
    "properties": {
${lines(properties, "      ")}
    },
    "$defs": {
${lines($defs, "      ")}
    }
  }
}
`;
}

/** What a package's server answers on its description's path. It runs in a folder of its own, and asks nothing of the network. */
async function describedBy({ server, ...api }: OpencodeApi, folder: string): Promise<unknown> {
  const port = await freePort();
  const bin = join(folder, "package", "bin");
  const [program = ""] = readdirSync(bin);
  const args = server.command
    .slice(1)
    .map((each) => (each === "0.0.0.0" ? LOOPBACK : each === String(server.port) ? String(port) : each));
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    ...server.environment("schema"),
  };
  const child = spawn(join(bin, program), args, { cwd: folder, env, stdio: "ignore" });
  child.on("error", () => {}); // is seen as no answer
  const ended = new Promise((resolve) => child.once("close", resolve));
  try {
    return await answerOf(
      `http://${LOOPBACK}:${port}${api.descriptionPath}`,
      api.authorization("schema"),
      child,
    );
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

async function answerOf(url: string, authorization: string, child: ChildProcess): Promise<unknown> {
  for (const deadline = performance.now() + TIMEOUT_MS; performance.now() < deadline; await sleep(POLL_MS)) {
    if (child.exitCode !== null || child.pid === undefined) break;
    const answer = await fetch(url, {
      headers: { authorization },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    }).catch(() => undefined);
    if (answer?.ok) return answer.json();
  }
  return fail("environment", url, "does not answer: the release could not be run on this machine");
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, LOOPBACK, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
