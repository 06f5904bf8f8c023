import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { readOptional } from "../../../config/text/read-optional.ts";
import { authorOf, COMMITTER, Git, gitMessage, RepositoryError, subjectOf } from "./git.ts";
import { applyEdit, type CheckText, entryOf, type ProjectsFile } from "./projects-file.ts";
import { replaceFile } from "./replace-file.ts";
import { Conflict, type Edit, NotFound, type OperationRequest } from "./types.ts";

/** Where changes are pushed. */
export interface RepositorySettings {
  /** Name of a git remote of the checkout. */
  readonly remote: string;
  readonly branch: string;
}

const PROJECTS = "projects.yaml";
/** How often a push is tried when others push at the same time. */
const ATTEMPTS = 5;

/** A commit in the making: on top of which one, and what each file is in it. */
interface Draft {
  readonly parent: string;
  readonly files: Readonly<Record<string, string>>;
}

/**
 * The checkout as a clone of the team's repository: each change is one commit of the files that it is about and of nothing else, put on the
 * remote branch before it counts.
 */
export class Repository {
  readonly #root: string;
  readonly #git: Git;
  readonly #stackFile: string;
  readonly #settings: RepositorySettings;
  readonly #file: ProjectsFile;
  readonly #check: CheckText;

  constructor(
    root: string,
    stack: string,
    settings: RepositorySettings,
    parts: { file: ProjectsFile; check: CheckText },
  ) {
    this.#root = root;
    this.#git = new Git(root);
    this.#stackFile = `Pulumi.${stack}.yaml`;
    this.#settings = settings;
    this.#file = parts.file;
    this.#check = parts.check;
  }

  /**
   * @throws Conflict when the files that would be committed have changes already that nobody has committed: they would go along under
   * another's name. RepositoryError when another branch is checked out.
   */
  async assertClean(): Promise<void> {
    const branch = (await this.#git.runOrThrow(["symbolic-ref", "--short", "HEAD"])).trim();
    if (branch !== this.#settings.branch)
      throw new RepositoryError(`The checkout is on the branch ${branch}, not on ${this.#settings.branch}`);
    const changed = await this.#git.runOrThrow([
      "status",
      "--porcelain",
      "--untracked-files=no",
      "--",
      PROJECTS,
      this.#stackFile,
    ]);
    if (changed.trim() === "") return;
    const names = changed
      .trimEnd()
      .split("\n")
      .map((line) => line.slice(3));
    throw new Conflict(`${names.join(" and ")} has changes in the checkout that nobody has committed`);
  }

  /**
   * Commits what the request has made of the files and pushes it; then the checkout's branch has it too.
   * @param version of projects.yaml as the request has left it
   * @throws Conflict when others have changed the same, RepositoryError; the branch is as it was then, and the files are the caller's to undo
   */
  async publish(request: OperationRequest, version: string): Promise<void> {
    const head = await this.#revision("HEAD");
    let draft: Draft = { parent: head, files: await this.#changedFiles(head) };
    if (Object.keys(draft.files).length === 0) return;
    const mine = draft.files;
    for (let tries = ATTEMPTS; ; tries--) {
      const commit = await this.#commit(draft, request);
      if (await this.#push(commit)) return this.#checkOut(draft, commit, version);
      if (tries === 1) throw new RepositoryError("The change could not be pushed: others push all the time");
      draft = await this.#rebaseOntoRemote(head, mine, request);
    }
  }

  async #changedFiles(head: string): Promise<Record<string, string>> {
    const files: Record<string, string> = {};
    for (const name of [PROJECTS, this.#stackFile]) {
      const [now, before] = [readOptional(join(this.#root, name)), await this.#show(head, name)];
      // A stack's file that is not in the repository stays out of it.
      if (now === undefined || now === before || (name !== PROJECTS && before === undefined)) continue;
      files[name] = now;
    }
    return files;
  }

  /** The same change on what others have pushed meanwhile. */
  async #rebaseOntoRemote(
    head: string,
    mine: Readonly<Record<string, string>>,
    { edit }: OperationRequest,
  ): Promise<Draft> {
    const { remote, branch } = this.#settings;
    await this.#git.runOrThrow(["fetch", "--quiet", "--no-tags", remote, `refs/heads/${branch}`]);
    const parent = await this.#revision("FETCH_HEAD");
    const isAhead = (await this.#git.run(["merge-base", "--is-ancestor", head, parent])).code !== 0;
    if (isAhead)
      throw new Conflict(
        `The checkout and ${branch} of ${remote} have gone apart: somebody has to join them`,
      );
    await this.#assertNoLocalChanges(head, parent);
    const files: Record<string, string> = {};
    if (mine[PROJECTS] !== undefined && edit)
      files[PROJECTS] = this.#editRemoteVersion(
        await this.#show(head, PROJECTS),
        await this.#show(parent, PROJECTS),
        edit,
      );
    const stackFile = mine[this.#stackFile];
    if (stackFile !== undefined) files[this.#stackFile] = await this.#mergeStackFile(head, parent, stackFile);
    return { parent, files };
  }

  /** Edits are of one entry: they get along unless others have changed that same entry. */
  #editRemoteVersion(base = "", upstream = "", edit: Edit): string {
    const name = edit.kind === "add" ? edit.entry.name : edit.name;
    if (!isDeepStrictEqual(entryOf(base, name), entryOf(upstream, name)))
      throw new Conflict(`Somebody else has changed ${name} meanwhile`);
    try {
      const text = applyEdit(upstream, edit);
      this.#check(text);
      return text;
    } catch (error) {
      if (error instanceof NotFound) throw new Conflict(`Somebody else has removed ${name} meanwhile`);
      throw error;
    }
  }

  async #mergeStackFile(head: string, parent: string, mine: string): Promise<string> {
    const [base = "", upstream = ""] = [
      await this.#show(head, this.#stackFile),
      await this.#show(parent, this.#stackFile),
    ];
    if (upstream === base) return mine;
    const merged = await this.#mergeTexts(mine, base, upstream);
    if (merged.code !== 0) throw new Conflict(`Somebody else has changed ${this.#stackFile} meanwhile`);
    return merged.stdout;
  }

  async #mergeTexts(...texts: readonly [mine: string, base: string, theirs: string]) {
    const folder = mkdtempSync(join(tmpdir(), "panel-merge-"));
    try {
      const files = texts.map((text, index) => {
        const file = join(folder, String(index));
        writeFileSync(file, text, { mode: 0o600 });
        return file;
      });
      return await this.#git.run(["merge-file", "-p", ...files]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** What others have pushed must not meet files that somebody is working on in the checkout. */
  async #assertNoLocalChanges(head: string, parent: string): Promise<void> {
    const theirs = lines(await this.#git.runOrThrow(["diff", "--name-only", head, parent]));
    const dirty = new Set([
      ...lines(await this.#git.runOrThrow(["diff", "--name-only", "HEAD"])),
      ...lines(await this.#git.runOrThrow(["ls-files", "--others", "--exclude-standard"])),
    ]);
    const own = new Set([PROJECTS, this.#stackFile]);
    const met = theirs.filter((name) => dirty.has(name) && !own.has(name));
    if (met.length > 0)
      throw new Conflict(
        `Others have pushed changes of ${met.join(", ")}, which has changes in the checkout too`,
      );
  }

  /** A commit that no branch has yet, made in an index of its own: what people have staged does not go along. */
  async #commit({ parent, files }: Draft, { edit, person, what }: OperationRequest): Promise<string> {
    const index = join(tmpdir(), `panel-index-${randomUUID()}`);
    const env = { GIT_INDEX_FILE: index };
    try {
      await this.#git.runOrThrow(["read-tree", parent], { env });
      for (const [name, text] of Object.entries(files)) {
        const entry = `${await this.#modeOf(parent, name)},${await this.#blob(text)},${name}`;
        await this.#git.runOrThrow(["update-index", "--add", "--cacheinfo", entry], { env });
      }
      const tree = (await this.#git.runOrThrow(["write-tree"], { env })).trim();
      const message = `${subjectOf(edit, what)}\n`;
      const identity = { ...authorOf(person), ...COMMITTER };
      const args = ["commit-tree", tree, "-p", parent, "-F", "-"];
      return (await this.#git.runOrThrow(args, { env: identity, input: message })).trim();
    } finally {
      rmSync(index, { force: true });
    }
  }

  async #modeOf(commit: string, name: string): Promise<string> {
    const [mode] = (await this.#git.runOrThrow(["ls-tree", commit, "--", name])).split(" ");
    return mode || "100644";
  }

  async #blob(text: string): Promise<string> {
    return (await this.#git.runOrThrow(["hash-object", "-w", "--stdin"], { input: text })).trim();
  }

  /** Whether the remote has taken it; not where somebody has pushed before. */
  async #push(commit: string): Promise<boolean> {
    const { remote, branch } = this.#settings;
    const args = ["push", "--quiet", "--porcelain", "--no-verify", remote, `${commit}:refs/heads/${branch}`];
    const { code, stdout, stderr } = await this.#git.run(args);
    if (code === 0) return true;
    if (
      /non-fast-forward|fetch first|\[rejected\]|cannot lock ref|failed to update ref/.test(
        `${stdout}\n${stderr}`,
      )
    )
      return false;
    throw new RepositoryError(
      `The change could not be pushed to ${remote}: ${gitMessage(stderr || stdout, code)}`,
    );
  }

  /** The branch, the index and the files become the commit's. The files of the commit are written here, in one step each. */
  async #checkOut({ files }: Draft, commit: string, version: string): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      const path = join(this.#root, name);
      if (name === PROJECTS) this.#replaceProjects(text, version);
      else if (readOptional(path) !== text) replaceFile(path, text);
      const mode = await this.#modeOf(commit, name);
      await this.#git.runOrThrow([
        "update-index",
        "--add",
        "--cacheinfo",
        `${mode},${await this.#blob(text)},${name}`,
      ]);
    }
    await this.#git.runOrThrow(["merge", "--quiet", "--ff-only", "--no-verify", commit]);
  }

  /** What somebody has just saved over it stays, as a change that nobody has committed: `assertClean` tells of it. */
  #replaceProjects(text: string, version: string): void {
    try {
      this.#file.replace(() => text, version);
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
    }
  }

  async #revision(name: string): Promise<string> {
    return (await this.#git.runOrThrow(["rev-parse", "--verify", "--quiet", `${name}^{commit}`])).trim();
  }

  async #show(commit: string, name: string): Promise<string | undefined> {
    const { code, stdout } = await this.#git.run(["cat-file", "blob", `${commit}:${name}`]);
    return code === 0 ? stdout : undefined;
  }
}

const lines = (text: string): string[] => text.split("\n").filter(Boolean);
