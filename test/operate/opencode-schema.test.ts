/** The schema of opencode's settings, read from a release that is a stand-in: a server of this test in a package of its own. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { settingsSchemaIn, writeSettingsSchema } from "../../operate/versions/opencode-schema.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

const description = (root: string) => ({
  openapi: "3.1.0",
  components: {
    schemas: {
      [root]: {
        type: "object",
        properties: { level: { $ref: "#/components/schemas/Level" }, shell: { type: "string" } },
        additionalProperties: false,
      },
      Level: { type: "string", enum: ["a"], not: { $ref: "#/components/schemas/Other" } },
      Other: { type: "null", not: { $ref: "#/components/schemas/Level" } },
      Unused: { type: "object" },
    },
  },
});

it("a schema is taken out of a description with what it refers to, and nothing else", () => {
  expect(settingsSchemaIn(description("Config"), "Config")).toEqual({
    type: "object",
    properties: { level: { $ref: "#/$defs/Level" }, shell: { type: "string" } },
    additionalProperties: false,
    $defs: {
      Level: { type: "string", enum: ["a"], not: { $ref: "#/$defs/Other" } },
      Other: { type: "null", not: { $ref: "#/$defs/Level" } },
    },
  });
  expect(() => settingsSchemaIn(description("Config"), "Confg")).toThrow("has no schema Confg");
});

describe("a release", () => {
  let folder = "";
  beforeEach(() => {
    folder = temporaryFolder();
    mkdirSync(join(folder, "config", "opencode-schemas"), { recursive: true });
  });
  afterEach(() => removeFolder(folder));

  /** Packs a program as npm would. */
  function publish(program: string) {
    const bin = join(folder, "package", "bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "opencode"), `#!${process.execPath}\n${program}`);
    chmodSync(join(bin, "opencode"), 0o755);
    return async (args: readonly string[]) => {
      const destination = args[args.indexOf("--pack-destination") + 1] ?? "";
      execFileSync("tar", ["--create", "--gzip", "--file", join(destination, "x.tgz"), "package"], {
        cwd: folder,
      });
      return "";
    };
  }
  const server = (path: string, root: string) => `
const { createServer } = require("node:http");
const at = (name) => process.argv[process.argv.indexOf(name) + 1];
createServer((request, response) => {
  const isAsked = request.url === "${path}" && request.headers.authorization?.startsWith("Basic ");
  response.writeHead(isAsked ? 200 : 404).end(${JSON.stringify(JSON.stringify(description(root)))});
}).listen(Number(at("--port")), at("--hostname"));`;

  it.each([
    ["1.99.0", "/doc", "Config", "config/opencode-schemas/1.json", undefined],
    ["2.99.0", "/openapi.json", "Config.InfoEncoded", "config/opencode-schemas/2.json", "fork@2.98.0"],
  ])("%s is asked at %s for %s", async (version, path, root, file, spec) => {
    const written = await writeSettingsSchema(folder, version, spec, { npm: publish(server(path, root)) });
    expect(written).toBe(file);
    const text = readFileSync(join(folder, file), "utf8");
    expect(JSON.parse(text)).toEqual({
      release: version,
      source: expect.stringContaining(`${spec ?? `x64-baseline@${version}`}, ${root} of ${path}`),
      date: new Date().toISOString().slice(0, 10),
      schema: settingsSchemaIn(description(root), root),
    });
    // One line for each setting, so that a newer release's differences can be read.
    expect(text).toContain('\n      "shell": {"type":"string"}\n');
  });

  it("that does not start, or is not published, is told", async () => {
    await expect(
      writeSettingsSchema(folder, "1.99.0", undefined, { npm: publish("process.exit(1)") }),
    ).rejects.toThrow("does not answer");
    const npm = () => Promise.reject(new Error("E404"));
    await expect(writeSettingsSchema(folder, "1.99.0", undefined, { npm })).rejects.toThrow("has no package");
  });
});
