/** The docker stand-in's build contexts: their files, and what counts as a change. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkDockerfile, formerDigest, readContext } from "../../../lab/plugins/docker/context.ts";
import { ignoreRules } from "../../../lab/plugins/docker/ignore.ts";
import { buildOptions, check as checkImage, image, outputOfStep } from "../../../lab/plugins/docker/image.ts";
import type { PlainProps } from "../../../lab/plugins/shared/values.ts";

describe("a build", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "plugins-build-"));
    mkdirSync(join(folder, "sub"));
    writeFileSync(join(folder, "Dockerfile"), "FROM scratch\n");
    writeFileSync(join(folder, "sub", "a"), "a");
    writeFileSync(join(folder, "sub", "b.log"), "b");
    writeFileSync(join(folder, ".dockerignore"), "**/*.log\nDockerfile\n");
    symlinkSync("a", join(folder, "sub", "link"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const paths = (): string[] =>
    readContext(folder, join(folder, "Dockerfile")).entries.map(({ path }) => path);
  const inputs = (): CheckInputs => ({ imageName: "i", skipPush: true, build: { context: folder } });
  type CheckInputs = { imageName: string; skipPush: boolean; build: { context: string } };
  const digest = (): unknown => {
    const { build } = checkImage({ name: "i", olds: {}, news: inputs(), seed: new Uint8Array() }).inputs;
    return (build as PlainProps).contextDigest;
  };

  test("excludes what .dockerignore lists, never the Dockerfile", () => {
    expect(paths()).toEqual([".dockerignore", "Dockerfile", "sub/", "sub/a", "sub/link"]);
  });

  test("changes with any of its files only", () => {
    const before = digest();
    writeFileSync(join(folder, "sub", "b.log"), "c");
    expect(digest()).toBe(before);
    writeFileSync(join(folder, "sub", "a"), "aa");
    expect(digest()).not.toBe(before);
  });

  test("has the official digest, and that of earlier stand-ins", () => {
    const context = join(folder, "known");
    mkdirSync(context);
    writeFileSync(join(context, "Dockerfile"), "FROM kinds-base:1\nCOPY hello /hello\n", { mode: 0o644 });
    writeFileSync(join(context, "hello"), "one\n", { mode: 0o644 });
    const source = readContext(context, join(context, "Dockerfile"));
    // Digests by the docker plugin 5.2.0 and by release 0.1's stand-in for these two files.
    expect(source.digest).toBe("e5eab7bcc3179184a00180855a8f6303271c409491651c3e5f77156de28a0e59");
    expect(formerDigest(source)).toBe("050d0a9e5135f40aa1c34c0bd48abd18bb88da5e552eb25d245ac1098431b877");
  });

  test("with the earlier digest in its state only changes if its files did", async () => {
    const request = { ...inputs(), build: { ...inputs().build } };
    const { inputs: news } = checkImage({ name: "i", olds: {}, news: request, seed: new Uint8Array() });
    const build = news.build as PlainProps;
    const former = formerDigest(readContext(folder, join(folder, "Dockerfile")));
    const diffWith = async (contextDigest: string): Promise<string[]> => {
      const oldInputs = { ...news, build: { ...build, contextDigest } };
      const diff = await image.diff({ id: "i", oldInputs, state: {}, news, ignore: [] });
      return diff.changes.map(({ property }) => property);
    };
    expect(former).not.toBe(build.contextDigest);
    expect(await diffWith(former)).toEqual([]);
    expect(await diffWith(former.replace(/^./, "x"))).toEqual(["build"]);
  });

  test("accepts a Dockerfile outside the context", () => {
    const context = readContext(join(folder, "sub"), join(folder, "Dockerfile"));
    expect(context.entries.map(({ path }) => path)).toContain(context.dockerfile);
  });

  test("names a missing Dockerfile's path", () => {
    expect(checkDockerfile(folder, join(folder, "Nope"))).toContain("Nope");
    expect(checkDockerfile(join(folder, "none"), "Dockerfile")).toContain("not found");
  });

  test("rejects pushing", () => {
    const { failures } = checkImage({
      name: "i",
      olds: {},
      news: { imageName: "i" },
      seed: new Uint8Array(),
    });
    expect(failures.map(({ property }) => property)).toEqual(["skipPush"]);
  });

  test("is requested with its arguments", () => {
    const build = { args: { A: "1" }, platform: "linux/amd64", target: "t", addHosts: ["h:1.2.3.4"] };
    expect(buildOptions({ imageName: "i:1", build }, "Dockerfile")).toMatchObject({
      t: "i:1",
      buildargs: { A: "1" },
      platform: "linux/amd64",
      target: "t",
      extrahosts: "h:1.2.3.4",
    });
  });
});

test.each([
  ["*.md", "a.md", true],
  ["*.md", "d/a.md", false],
  ["**/*.md", "d/a.md", true],
  ["d", "d/e/f", true],
  ["/d/", "d/e", true],
  ["d/*\n!d/keep", "d/keep", false],
  ["d/*\n!d/keep", "d/other", true],
  ["# d", "d", false],
])("ignore rule %j on %s: %s", (rules, path, expected) => {
  expect(ignoreRules(rules)(path)).toBe(expected);
});

test("an error shows what the step that failed has printed", () => {
  const lines = [
    "Step 1/2 : FROM a",
    " ---> 1",
    "Step 2/2 : RUN x",
    " ---> Running in 2",
    "one",
    "\u001b[91mtwo\u001b[0m",
    "Removing intermediate container 2",
    "code: 1",
  ];
  expect(outputOfStep(lines, "code: 1\n")).toEqual(["one", "two"]);
  expect(outputOfStep(["pull access denied"], undefined)).toEqual(["pull access denied"]);
});
