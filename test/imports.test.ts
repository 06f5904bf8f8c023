/** The picture of the rooms in docs/architecture.md, held by what every file imports. Imports of types count as any other. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");

interface Rule {
  /** Rooms, or folders or files of one, that the room may import besides its own. */
  readonly rooms: readonly string[];
  /** Packages that it may import. */
  readonly packages: RegExp;
}

/** What opencode's own API and command line are, and nothing of the image. */
const API = "opencode/api";

/** Files of components that declare no resource: what operate has to do in the same way as the program. */
const LEAVES = [
  "components/host/cpu-limit.ts",
  "components/host/packet-rules.ts",
  "components/host/space.ts",
  "components/host/ssh-files.ts",
  "components/host/users.ts",
  "components/proxy/gateway.ts",
  "components/proxy/routes.ts",
  "components/proxy/index-page.ts",
];

const RULES: Readonly<Record<string, Rule>> = {
  // What a person writes, parsed: no network, no writes.
  config: {
    rooms: [],
    packages: /^(node:.*|zod|yaml|jsonc-parser|ssh2|semver|tldts|ipaddr\.js|fastest-levenshtein)$/,
  },
  opencode: { rooms: ["config"], packages: /^(node:.*|zod|semver)$/ },
  // Declares resources, nothing else. Its commands run on their own, with the checkout's packages.
  components: { rooms: ["config", "opencode"], packages: /^(node:.*|yaml|p-retry|@pulumi\/.*)$/ },
  "index.ts": { rooms: ["components", "config"], packages: /^@pulumi\/pulumi$/ },
  // Finds tools, or downloads the verified official ones. Of the product it knows mistakes, versions and what a stand-in is.
  toolchain: {
    rooms: ["config/errors.ts", "config/versions.ts", "config/which.ts", "config/stack/stand-ins.ts"],
    packages: /^(node:.*|listr2|semver\/.*)$/,
  },
  // Acts on a stack, prints nothing: so no listr2.
  operate: {
    rooms: ["config", API, "toolchain", ...LEAVES],
    packages: /^(node:.*|zod|yaml|dockerode|p-retry|@pulumi\/pulumi\/automation\/.*)$/,
  },
  // Arguments in, words out.
  scripts: {
    // The package's one program speaks for attach too; a team's index.ts, which is text here, imports the package.
    rooms: ["config", API, "operate", "toolchain", "attach/bin.mjs"],
    packages: /^(node:.*|listr2|opencode-platform)$/,
  },
  // HTTP over operate.
  panel: {
    rooms: ["config", API, "operate", "toolchain", ...LEAVES],
    packages: /^(node:.*|zod|yaml|hono(\/.*)?|@hono\/.*|jose)$/,
  },
  // The colleague's program, its own package.
  attach: { rooms: [API], packages: /^(node:.*|cross-spawn|http-proxy-3)$/ },
  // For machines without internet, tests and figures: it may see the product, and some of the tests' support.
  lab: { rooms: ["config", "toolchain", "operate", "panel", "opencode", "test/support"], packages: /./ },
  test: {
    rooms: [
      "index.ts",
      "config",
      "opencode",
      "components",
      "toolchain",
      "operate",
      "scripts",
      "panel",
      "attach",
      "lab",
    ],
    packages: /./,
  },
};

/** Scripts that pass the lab's builders on, or name what they have built. */
const SCRIPTS_WITH_LAB = ["scripts/lib/suites.ts"];

/** What main does not hold yet, and who is at it. To be emptied. */
const NOT_YET: Readonly<Record<string, string>> = {};

const rooms = Object.keys(RULES);
const files = rooms.flatMap(sources);
const imports = new Map(files.map((file) => [file, importsOf(file)]));

/** The source files of a room, as paths below the root. */
function sources(room: string): string[] {
  if (room.endsWith(".ts")) return [room];
  return readdirSync(join(root, room), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mts|mjs)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !file.includes("node_modules/"));
}

/** What a file imports: packages, and files as paths below the root. */
function importsOf(file: string): string[] {
  return specifiers(readFileSync(join(root, file), "utf8")).map((specifier) =>
    specifier.startsWith(".") ? relative(root, resolve(root, dirname(file), specifier)) : specifier,
  );
}

function specifiers(text: string): string[] {
  const statement =
    /^\s*(?:import|export)\s[^"'`;=]*?\bfrom\s+["']([^"']+)["']|^\s*import\s+["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;
  return [...text.matchAll(statement)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

const isFile = (target: string): boolean => rooms.some((room) => isIn(target, room));
const isIn = (file: string, place: string): boolean => file === place || file.startsWith(`${place}/`);

function forbidden(room: string): string[] {
  const { rooms: allowed, packages } = RULES[room] as Rule;
  return sources(room).flatMap((file) =>
    (imports.get(file) ?? []).flatMap((target) => {
      const isAllowed = isFile(target)
        ? [room, ...allowed].some((place) => isIn(target, place)) ||
          (isIn(target, "lab") && SCRIPTS_WITH_LAB.includes(file))
        : packages.test(target);
      return isAllowed ? [] : [`${file} imports ${target}`];
    }),
  );
}

/** Circles of files: each as one edge that closes it. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const state = new Map<string, "open" | "done">();
  const visit = (file: string, path: readonly string[]) => {
    state.set(file, "open");
    for (const target of graph.get(file) ?? []) {
      if (state.get(target) === "open") found.push([...path.slice(path.indexOf(target)), target].join(" → "));
      else if (graph.has(target) && !state.has(target)) visit(target, [...path, target]);
    }
    state.set(file, "done");
  };
  for (const file of graph.keys()) if (!state.has(file)) visit(file, [file]);
  return found;
}

/** Everything that a file brings with it. */
function closure(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const target of imports.get(file) ?? []) closure(target, found);
  return found;
}

const unlessExpected = (found: readonly string[]): string[] =>
  found.filter((each) => !Object.keys(NOT_YET).some((known) => each.includes(known)));

describe("imports flow one way", () => {
  it.each(rooms)("%s", (room) => {
    expect(sources(room).length).toBeGreaterThan(0);
    expect(unlessExpected(forbidden(room))).toEqual([]);
  });

  it("in no circle of files", () => {
    expect(unlessExpected(circles(imports))).toEqual([]);
  });

  it("and what acts on a stack brings nothing that declares resources", () => {
    for (const leaf of LEAVES.filter((file) => existsSync(join(root, file)))) {
      const packages = [...closure(leaf)].filter((target) => target.startsWith("@pulumi/"));
      expect(packages, leaf).toEqual([]);
    }
  });

  it("of every form, and circles of types too, are seen", () => {
    const text =
      'import a from "./a.ts";\nexport { b } from "b";\nimport type {\n  C,\n} from "c";\nimport "d";\nawait import("./e.ts");';
    expect(specifiers(text)).toEqual(["./a.ts", "b", "c", "d", "./e.ts"]);
    expect(imports.get("index.ts")).toContain("components/host/host.ts");
    const graph = new Map([
      ["a", ["b"]],
      ["b", ["c", "d"]],
      ["c", ["b"]],
      ["d", []],
    ]);
    expect(circles(graph)).toEqual(["b → c → b"]);
  });
});

describe("a room's manner", () => {
  it("of scripts: at most 60 lines each", () => {
    const scripts = sources("scripts").filter((file) => /^scripts\/[^/]+\.ts$/.test(file));
    expect(scripts.length).toBeGreaterThan(5);
    const lengths = scripts.map((file) => [file, lines(file)] as const);
    expect(lengths.filter(([, count]) => count > 60)).toEqual([]);
  });

  it("of operate: it prints nothing", () => {
    const printing = /\bconsole\.|\bprocess\.(stdout|stderr)\b|from "listr2"/;
    const found = sources("operate").filter((file) => printing.test(readFileSync(join(root, file), "utf8")));
    expect(unlessExpected(found.map((file) => `${file} prints`))).toEqual([]);
  });
});

const lines = (file: string): number => readFileSync(join(root, file), "utf8").trimEnd().split("\n").length;
