import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { OPENCODE_VERSIONS as ATTACH } from "../../attach/src/opencode.ts";
import * as versions from "../../config/versions.ts";
import { BASE_IMAGE, COMPOSE, OPENCODE, OPENCODE_2, PULUMI, TRAEFIK } from "../../config/versions.ts";
import { pluginVersion } from "../../lab/plugins/shared/version.ts";
import { readPins } from "../../operate/versions/pins.ts";

const root = resolve(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** Directories that hold no source of ours, or that may name a release: tests, and what is written about a release. */
const NO_SOURCE = /^(node_modules|test|docs|\..*)$/;
/** Files that cannot import a version; the tests below hold each to it. */
const HELD = [
  "config/versions.ts",
  "config/opencode-releases.ts",
  "opencode/Dockerfile",
  "attach/src/opencode.ts",
];

function sources(folder = ""): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NO_SOURCE.test(entry.name) ? [] : sources(path);
    return /\.(ts|mjs|js|sh|yaml|yml)$|^Dockerfile$/.test(entry.name) && !entry.isSymbolicLink()
      ? [path]
      : [];
  });
}

const PLUGINS = ["docker", "command", "random", "tls", "digitalocean", "cloudflare"];

it("every version is written once", () => {
  const pinned = Object.entries(versions).flatMap(([name, value]) =>
    typeof value === "string" && /\d\.\d+\.\d|:\d/.test(value) ? [[name, value] as const] : [],
  );
  const literals = [...pinned, ...PLUGINS.map((name) => [`@pulumi/${name}`, pluginVersion(name)] as const)];
  expect(literals.map(([name]) => name)).toEqual(
    expect.arrayContaining([
      "OPENCODE",
      "OPENCODE_2",
      "TRAEFIK",
      "CLOUDFLARED",
      "PULUMI",
      "IMAGE_NODE",
      "IMAGE_NPM",
      "COMPOSE",
    ]),
  );
  const files = sources().filter((path) => !HELD.includes(path));
  expect(files.length).toBeGreaterThan(300);
  const repeated = files.flatMap((path) => {
    const text = read(path);
    return literals.flatMap(([name, value]) => {
      const literal = new RegExp(`(?<![\\w.-])v?${value.replaceAll(".", "\\.")}(?![\\w.-])`);
      // A comment out of a line that a person may put in names the default.
      const isExample = path === "Pulumi.prod.yaml" && name === "BASE_IMAGE";
      return literal.test(text) && !isExample ? [`${path} repeats ${name} (${value})`] : [];
    });
  });
  expect(repeated).toEqual([]);
});

describe("what cannot import a version has the same", () => {
  it("the Dockerfile's base image", () => {
    const value = /^ARG BASE_IMAGE=(.+)$/m.exec(read("opencode/Dockerfile"))?.[1];
    expect(value).toBe(BASE_IMAGE);
  });

  it("the program of attach, a package of its own", () => {
    expect(ATTACH).toEqual({ 1: OPENCODE, 2: OPENCODE_2 });
  });

  it.each([
    ["lab/build/go/pulumi/go.mod", "github.com/pulumi/pulumi/pkg/v3", PULUMI],
    ["lab/build/go/pulumi/go.mod", "github.com/pulumi/pulumi/sdk/v3", PULUMI],
    ["lab/build/go/traefik/go.mod", "github.com/traefik/traefik/v3", TRAEFIK],
    ["lab/bench/compose/go.mod", "github.com/docker/compose/v2", COMPOSE],
  ])("%s: %s", (file, module, version) => {
    const found = new RegExp(`${module.replaceAll(".", "\\.")} v(\\S+)`).exec(read(file))?.[1];
    expect(found).toBe(version);
  });
});

it("has a comment above each version that says where newer ones are published", () => {
  const text = read("config/versions.ts");
  // A lower bound is raised by a person, and Debian's release comes with the base image.
  const constants = [...text.matchAll(/^export const (\w+) = "/gm)]
    .map(([, name = ""]) => name)
    .filter((name) => !/_OLDEST$|^DEBIAN$/.test(name));
  const pins = readPins(text);
  expect(pins.map(({ constant }) => constant)).toEqual(constants);
  expect(pins.find(({ constant }) => constant === "BASE_IMAGE")).toEqual({
    constant: "BASE_IMAGE",
    datasource: "docker",
    depName: "node",
    version: BASE_IMAGE.replace("node:", ""),
  });
});
