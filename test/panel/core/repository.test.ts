import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadProjects } from "../../../config/projects/load.ts";
import { makeApplyChange } from "../../../panel/server/platform/change.ts";
import { RepositoryError, subjectOf } from "../../../panel/server/platform/git.ts";
import { ProjectsFile } from "../../../panel/server/platform/projects-file.ts";
import { Repository } from "../../../panel/server/platform/repository.ts";
import { Conflict, type Edit, type Person } from "../../../panel/server/platform/types.ts";
import { mustExec } from "../../../toolchain/lib/exec.ts";

const check = (text: string) => void loadProjects(text, { file: "projects.yaml", stack: "local" });
const person: Person = { email: "dev@example.com", name: "Dev <X>\nEloper", kind: "person", admin: true };
const add = (name: string): Edit => ({ kind: "add", entry: { name } });
const START = "projects:\n  - name: first # the first\n";

let folder: string;
let origin: string;
let checkout: string;
const git = (cwd: string, ...args: string[]) =>
  mustExec("git", ["-c", "user.name=Other", "-c", "user.email=other@example.com", ...args], {
    cwd,
    timeoutMs: 30_000,
  });
const read = (name: string) => readFileSync(join(checkout, name), "utf8");
const write = (name: string, text: string) => writeFileSync(join(checkout, name), text);
const pushed = (name = "projects.yaml") => git(origin, "show", `main:${name}`);
const log = async (format: string) =>
  (await git(origin, "log", "main", `--format=${format}`)).trim().split("\n");

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "panel-core-"));
  [origin, checkout] = [join(folder, "origin.git"), join(folder, "checkout")];
  await git(folder, "init", "--quiet", "--bare", "--initial-branch=main", origin);
  await git(folder, "init", "--quiet", "--initial-branch=main", checkout);
  write("projects.yaml", START);
  write("README.md", "read me\n");
  write("Pulumi.local.yaml", "config:\n  a: b\n");
  await git(checkout, "add", ".");
  await git(checkout, "commit", "--quiet", "-m", "Begin");
  await git(checkout, "remote", "add", "origin", origin);
  await git(checkout, "push", "--quiet", "origin", "main");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Applies requests as the panel does. */
function open({ remote = "origin", branch = "main", stored = "" } = {}) {
  const file = new ProjectsFile(join(checkout, "projects.yaml"), check);
  const repository = new Repository(checkout, "local", { remote, branch }, { file, check });
  const secrets = {
    set: async () => write("Pulumi.local.yaml", stored),
    remove: async () => {},
    names: () => [],
    copy: () => {},
    snapshot: () => {
      const before = read("Pulumi.local.yaml");
      return () => write("Pulumi.local.yaml", before);
    },
  };
  const apply = makeApplyChange({ file, secrets, repository });
  return (edit: Edit, secrets?: Record<string, string>, meanwhile?: () => Promise<void>) => {
    const project = edit.kind === "add" ? edit.entry.name : edit.name;
    const more = { ...(secrets ? { secrets } : {}), ...(meanwhile ? { atOnce: meanwhile } : {}) };
    return apply({ person, what: "change", project, edit, ...more });
  };
}

/** Pushes a commit of another person. */
async function others(change: (text: string) => string, name = "projects.yaml"): Promise<void> {
  const clone = mkdtempSync(join(folder, "other-"));
  await git(folder, "clone", "--quiet", origin, clone);
  const path = join(clone, name);
  writeFileSync(path, change(readFileSync(path, "utf8")));
  await git(clone, "commit", "--quiet", "-am", "By another");
  await git(clone, "push", "--quiet", "origin", "main");
}

describe("a change of projects.yaml with a repository", () => {
  it("is one commit of that file, by the person, on the remote branch", async () => {
    await open()(add("shop"));
    expect(await log("%s|%an|%ae|%cn")).toEqual([
      "Add project shop|Dev XEloper|dev@example.com|opencode platform panel",
      "Begin|Other|other@example.com|Other",
    ]);
    expect(await pushed()).toBe(read("projects.yaml"));
    expect(await git(checkout, "status", "--porcelain")).toBe("");
    expect(await git(checkout, "rev-parse", "HEAD")).toBe(await git(origin, "rev-parse", "main"));
  });

  it("commits nothing else of the checkout, staged or not", async () => {
    write("README.md", "being written\n");
    write("new.md", "new\n");
    write("staged.md", "staged\n");
    await git(checkout, "add", "staged.md");
    await open()(add("shop"));
    expect(await git(checkout, "diff", "--name-only", "HEAD~1", "HEAD")).toBe("projects.yaml\n");
    expect(await git(checkout, "status", "--porcelain")).toBe(" M README.md\n" + "A  staged.md\n?? new.md\n");
  });

  it("includes the stack's file if secrets have changed", async () => {
    await open({ stored: "config:\n  a: b\n  secrets:shop/TOKEN:\n    secure: v1:x\n" })(add("shop"), {
      TOKEN: "value",
    });
    expect(await git(checkout, "diff", "--name-only", "HEAD~1", "HEAD")).toBe(
      "Pulumi.local.yaml\nprojects.yaml\n",
    );
    expect(await pushed("Pulumi.local.yaml")).toContain("secure: v1:x");
    expect(await git(checkout, "status", "--porcelain")).toBe("");
  });

  it("merges with another entry pushed meanwhile, also at the same position", async () => {
    await open()(add("shop"), undefined, async () => {
      await others((text) => `${text}  - name: theirs # by another\n`);
      await others(() => "changed by another\n", "README.md");
    });
    expect(await pushed()).toBe(`${START}  - name: theirs # by another\n  - name: shop\n`);
    expect(read("projects.yaml")).toBe(await pushed());
    expect(read("README.md")).toBe("changed by another\n");
    expect(await log("%s")).toEqual(["Add project shop", "By another", "By another", "Begin"]);
    expect(await git(checkout, "status", "--porcelain")).toBe("");
  });

  it("of a release keeps the other keys, and merges with another entry pushed meanwhile", async () => {
    await others((text) => `${text}    opencode:\n      model: a/b # ours\n`);
    await git(checkout, "pull", "--quiet", "origin", "main");
    const meanwhile = () => others((text) => `${text}  - name: theirs\n`);
    await open()({ kind: "release", name: "first", version: "1.18.33" }, undefined, meanwhile);
    const opencode = "    opencode:\n      model: a/b # ours\n      version: 1.18.33\n";
    expect(await pushed()).toBe(`${START}${opencode}  - name: theirs\n`);
    expect((await log("%s"))[0]).toBe("Set project first to opencode 1.18.33");
  });

  it.each<[string, Edit, (text: string) => string, string]>([
    [
      "the same entry",
      { kind: "change", name: "first", values: { state: "stopped" } },
      (text) => text.replace("first #", "first\n    branch: x #"),
      "first was changed",
    ],
    [
      "a removed entry",
      { kind: "change", name: "first", values: { state: "stopped" } },
      () => "projects: []\n",
      "first was changed",
    ],
    [
      "an entry of that name",
      add("shop"),
      (text) => `${text}  - name: shop\n    branch: y\n`,
      "shop was changed",
    ],
  ])("is refused and undone after a push of %s", async (_, edit, change, message) => {
    let theirs = "";
    const refused = open()(edit, undefined, async () => {
      await others(change);
      theirs = await pushed();
    });
    await expect(refused).rejects.toThrow(Conflict);
    await expect(refused).rejects.toThrow(message);
    expect(read("projects.yaml")).toBe(START);
    expect(await pushed()).toBe(theirs);
    expect(await git(checkout, "status", "--porcelain")).toBe("");
    expect(await git(checkout, "log", "--format=%s")).toBe("Begin\n");
  });

  it("is refused if pushed changes conflict with uncommitted ones", async () => {
    await others(() => "by another\n", "README.md");
    write("README.md", "being written\n");
    await expect(open()(add("shop"))).rejects.toThrow("README.md conflict with uncommitted changes");
    expect(read("README.md")).toBe("being written\n");
    expect(read("projects.yaml")).toBe(START);
  });

  it("is refused if the file has uncommitted changes", async () => {
    write("projects.yaml", `${START}# by hand\n`);
    await expect(open()(add("shop"))).rejects.toThrow(
      "projects.yaml has uncommitted changes in the checkout",
    );
    expect(read("projects.yaml")).toBe(`${START}# by hand\n`);
  });

  it("is undone if it can't be pushed, without revealing the URL", async () => {
    await git(checkout, "remote", "set-url", "origin", "https://user:pa55word@127.0.0.1:1/x.git");
    const refused = open()(add("shop"));
    await expect(refused).rejects.toThrow(RepositoryError);
    await expect(refused).rejects.not.toThrow(/pa55word/);
    expect(read("projects.yaml")).toBe(START);
  });

  it("is undone if a hook of the remote refuses it", async () => {
    mkdirSync(join(origin, "hooks"), { recursive: true });
    writeFileSync(join(origin, "hooks", "pre-receive"), "#!/bin/sh\necho no pushes on Fridays\nexit 1\n", {
      mode: 0o755,
    });
    await expect(open()(add("shop"))).rejects.toThrow(/no pushes on Fridays|pre-receive hook declined/);
    expect(read("projects.yaml")).toBe(START);
    expect(readdirSync(checkout).filter((name) => name.includes("tmp") || name.includes("lock"))).toEqual([]);
  });

  it("is refused on another branch", async () => {
    await expect(open({ branch: "live" })(add("shop"))).rejects.toThrow("is on the branch main, not on live");
  });
});

describe("a commit's subject", () => {
  const change = (values: object): Edit => ({ kind: "change", name: "shop", values });
  it.each<[string, Edit | undefined]>([
    ["Add project shop", add("shop")],
    ["Remove project shop", { kind: "remove", name: "shop" }],
    ["Stop project shop", change({ state: "stopped" })],
    ["Start project shop", change({ state: null })],
    ["Set project shop to opencode 1.18.33", { kind: "release", name: "shop", version: "1.18.33" }],
    ["Change project shop", change({ state: "stopped", branch: "x" })],
    ["Rotate", undefined],
  ])("%s", (subject, edit) => {
    expect(subjectOf(edit, "rotate")).toBe(subject);
  });
});
