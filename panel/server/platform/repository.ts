import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { readOptional } from "../../../config/text/read-optional.ts";
import { replaceFile } from "../../../operate/files/replace-file.ts";
import { authorOf, COMMITTER, Git, gitMessage, RepositoryError, subjectOf } from "./git.ts";
import { applyEdit, type CheckText, entryOf, type ProjectsFile } from "./projects-file.ts";
import { Conflict, type Edit, NotFound, type OperationRequest } from "./types.ts";

/** Where changes are pushed. */
export interface RepositorySettings {
  /** Name of a git remote of the checkout. */
  readonly remote: string;
  readonly branch: string;
}

const PROJECTS = "projects.yaml";
/** Maximum tries of a push while others push too. */
const ATTEMPTS = 5;

/** A commit to create: its parent and the text of each changed file. */
interface Draft {
  readonly parent: string;
  readonly files: Readonly<Record<string, string>>;
}

/**
 * The checkout as a clone of the team's repository. Each change is one commit of the changed files only, pushed to the remote branch
 * before it takes effect.
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
   * @throws Conflict if the files to commit have uncommitted changes, which would be committed under another person's name;
   * RepositoryError if another branch is checked out
   */
  async #assertClean(): Promise<void> {
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
    throw new Conflict(`${names.join(" and ")} has uncommitted changes in the checkout`);
  }

  /**
   * Brings the checkout to the newest commit of the remote branch: from an older one, an act that changes nothing else would give back what
   * others have taken from somebody.
   * @throws Conflict if the checkout has commits that the branch has not, or changes in the way; RepositoryError if the remote can't be reached
   */
  async catchUp(): Promise<void> {
    await this.#assertClean();
    const head = await this.#revision("HEAD");
    const newest = await this.#fetch(head);
    if (newest === head) return;
    await this.#assertNoLocalChanges(head, newest);
    const { version } = this.#file.read();
    const files: Record<string, string> = {};
    for (const name of [PROJECTS, this.#stackFile]) {
      const [before, now] = [await this.#show(head, name), await this.#show(newest, name)];
      if (now !== undefined && now !== before) files[name] = now;
    }
    await this.#checkOut({ files }, newest, version);
  }

  /** The checkout's commit. */
  head(): Promise<string> {
    return this.#revision("HEAD");
  }

  /** Whether a commit is the other one or follows from it; false for one that the checkout doesn't know yet. */
  async includes(newer: string, commit: string): Promise<boolean> {
    return (await this.#git.run(["merge-base", "--is-ancestor", commit, newer])).code === 0;
  }

  /** The newest commit of the remote branch, which has to follow from the checkout's. */
  async #fetch(head: string): Promise<string> {
    const { remote, branch } = this.#settings;
    await this.#git.runOrThrow(["fetch", "--quiet", "--no-tags", remote, `refs/heads/${branch}`]);
    const newest = await this.#revision("FETCH_HEAD");
    const isApart = (await this.#git.run(["merge-base", "--is-ancestor", head, newest])).code !== 0;
    if (isApart)
      throw new Conflict(
        `The checkout has commits that ${branch} of ${remote} has not: push them, or bring the two together by hand`,
      );
    return newest;
  }

  /**
   * Commits the request's changes and pushes them, then moves the checkout's branch to that commit.
   * @param version version of projects.yaml after the request
   * @throws Conflict if others changed the same entry or file, RepositoryError; the branch is then unchanged, and the caller undoes the files
   */
  async publish(request: OperationRequest, version: string): Promise<void> {
    const head = await this.#revision("HEAD");
    let draft: Draft = { parent: head, files: await this.#changedFiles(head) };
    if (Object.keys(draft.files).length === 0) return;
    const mine = draft.files;
    for (let tries = ATTEMPTS; ; tries--) {
      const commit = await this.#commit(draft, request);
      if (await this.#push(commit)) return this.#checkOut(draft, commit, version);
      if (tries === 1) throw new RepositoryError("The change could not be pushed: too many other pushes");
      draft = await this.#rebaseOntoRemote(head, mine, request);
    }
  }

  async #changedFiles(head: string): Promise<Record<string, string>> {
    const files: Record<string, string> = {};
    for (const name of [PROJECTS, this.#stackFile]) {
      const [now, before] = [readOptional(join(this.#root, name)), await this.#show(head, name)];
      // A stack's file that is not in the repository is not added.
      if (now === undefined || now === before || (name !== PROJECTS && before === undefined)) continue;
      files[name] = now;
    }
    return files;
  }

  /** Applies the same change on top of the remote branch. */
  async #rebaseOntoRemote(
    head: string,
    mine: Readonly<Record<string, string>>,
    { edit, authorize }: OperationRequest,
  ): Promise<Draft> {
    const parent = await this.#fetch(head);
    await this.#assertNoLocalChanges(head, parent);
    const files: Record<string, string> = {};
    if (mine[PROJECTS] !== undefined && edit)
      files[PROJECTS] = this.#editRemoteVersion(
        await this.#show(head, PROJECTS),
        await this.#show(parent, PROJECTS),
        edit,
        authorize,
      );
    const stackFile = mine[this.#stackFile];
    if (stackFile !== undefined) files[this.#stackFile] = await this.#mergeStackFile(head, parent, stackFile);
    return { parent, files };
  }

  /** Edits projects.yaml of the remote branch; a conflict only if others changed the same entry. */
  #editRemoteVersion(base = "", upstream = "", edit: Edit, authorize?: (text: string) => void): string {
    const name = edit.kind === "add" ? edit.entry.name : edit.name;
    if (!isDeepStrictEqual(entryOf(base, name), entryOf(upstream, name)))
      throw new Conflict(`${name} was changed meanwhile`);
    authorize?.(upstream);
    try {
      const text = applyEdit(upstream, edit);
      this.#check(text);
      return text;
    } catch (error) {
      if (error instanceof NotFound) throw new Conflict(`${name} was removed meanwhile`);
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
    if (merged.code !== 0) throw new Conflict(`${this.#stackFile} was changed meanwhile`);
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

  /** Throws if pushed changes touch files with uncommitted changes in the checkout. */
  async #assertNoLocalChanges(head: string, parent: string): Promise<void> {
    const theirs = lines(await this.#git.runOrThrow(["diff", "--name-only", head, parent]));
    const dirty = new Set([
      ...lines(await this.#git.runOrThrow(["diff", "--name-only", "HEAD"])),
      ...lines(await this.#git.runOrThrow(["ls-files", "--others", "--exclude-standard"])),
    ]);
    const own = new Set([PROJECTS, this.#stackFile]);
    const conflicts = theirs.filter((name) => dirty.has(name) && !own.has(name));
    if (conflicts.length > 0)
      throw new Conflict(
        `Pushed changes to ${conflicts.join(", ")} conflict with uncommitted changes in the checkout`,
      );
  }

  /** Creates a commit on no branch, with a separate index, so that staged changes are not included. */
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

  /** Pushes a commit; false if the remote branch has moved. */
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

  /** Moves the branch, the index and the files to the commit. Each file is replaced atomically. */
  async #checkOut({ files }: Pick<Draft, "files">, commit: string, version: string): Promise<void> {
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

  /** Keeps a concurrent save in an editor as an uncommitted change, which `catchUp` reports. */
  #replaceProjects(text: string, version: string): void {
    try {
      // Of the branch: an invalid one has to be seen as what it is.
      this.#file.replace(
        () => text,
        version,
        () => {},
      );
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
