import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");

/** What each part of the checkout may import of the others, and which packages. */
const MAY_IMPORT: Record<string, { parts: string[]; packages: RegExp }> = {
  config: { parts: [], packages: /^(node:.*|zod|yaml|ssh2)$/ },
  opencode: { parts: ["config"], packages: /^node:.*$/ },
  components: { parts: ["config", "opencode"], packages: /^(node:.*|yaml|@pulumi\/.*)$/ },
  "index.ts": { parts: ["components", "config"], packages: /^@pulumi\/pulumi$/ },
  attach: { parts: [], packages: /^(node:.*|http-proxy-3)$/ },
  toolchain: { parts: [], packages: /./ },
  scripts: { parts: ["config", "toolchain"], packages: /./ },
  panel: {
    parts: ["config", "scripts", "toolchain"],
    packages: /^(node:.*|zod|yaml|hono(\/.*)?|@hono\/.*|jose|dockerode|@pulumi\/pulumi(\/.*)?)$/,
  },
  bench: { parts: ["config", "toolchain", "scripts", "test", "panel"], packages: /./ },
  test: {
    parts: [
      "index.ts",
      "config",
      "opencode",
      "components",
      "toolchain",
      "scripts",
      "bench",
      "attach",
      "panel",
    ],
    packages: /./,
  },
};

const parts = Object.keys(MAY_IMPORT);

function sources(part: string): string[] {
  if (part.endsWith(".ts")) return [join(root, part)];
  return readdirSync(join(root, part), { recursive: true, withFileTypes: true })
    .filter(
      (entry) =>
        entry.isFile() && /\.(ts|mjs)$/.test(entry.name) && !entry.parentPath.includes("node_modules"),
    )
    .map((entry) => join(entry.parentPath, entry.name));
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const statement =
    /^\s*(?:import|export)\s[^"'`;=]*?\bfrom\s+["']([^"']+)["']|^\s*import\s+["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;
  return [...text.matchAll(statement)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

function forbidden(part: string): string[] {
  const rule = MAY_IMPORT[part];
  return sources(part).flatMap((file) =>
    importsOf(file).flatMap((specifier) => {
      const shown = `${relative(root, file)} imports ${specifier}`;
      if (!specifier.startsWith(".")) return rule?.packages.test(specifier) ? [] : [shown];
      const target = relative(root, resolve(dirname(file), specifier)).split("/")[0] ?? "";
      return target === part || rule?.parts.includes(target) ? [] : [shown];
    }),
  );
}

describe("imports flow one way", () => {
  it.each(parts)("%s", (part) => {
    expect(sources(part).length).toBeGreaterThan(0);
    expect(forbidden(part)).toEqual([]);
  });

  it("sees imports of every form", () => {
    expect(importsOf(join(root, "index.ts"))).toContain("./components/host/host.ts");
    expect(importsOf(join(root, "config/naming/names.ts"))).toEqual([]);
  });
});
