/** `setup` of an entry: when it runs, with what, what is said of it, and how it is run again. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GitServer, makeRepositories, startGit } from "../../../lab/forges/git.ts";
import { docker, health, logsOf, shellIn } from "../../support/docker.ts";
import { ask, visit } from "../../support/http.ts";
import { type Entry, Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";
import { waitFor, waitForText } from "../../support/wait.ts";

const platform = new Platform();
const { port, host } = platform.fixture;
const NAME = "prep";
const GUEST = "prep-guest";
const CANARY = "canary-of-the-setup-7d20";
const container = platform.container(NAME);
const folder = temporaryFolder();
const repositories = makeRepositories(folder);
let git: GitServer;

const entry = (setup: string, more: Partial<Entry> = {}): Entry => ({
  name: NAME,
  repo: `http://${host}:${git.port}/prep.git`,
  network: { allow: platform.allow(git.port) },
  secrets: ["CANARY"],
  setup,
  ...more,
});
const apply = (setup: string) => platform.apply([...platform.baseline(), entry(setup)]);

/** Fails without the clone, and leaves a line in the workspace. */
const leaving = (line: string) =>
  `grep -q cloned README.md\necho ${line} >> runs\nenv > ~/setup-env\necho done\n`;
const inWorkspace = (file: string, project = NAME) => {
  const path = join(platform.workspace(project), file);
  return existsSync(path) ? readFileSync(path, "utf8") : "";
};
const runs = (wanted: string) =>
  waitFor(`the runs ${wanted}`, () =>
    inWorkspace("runs") === wanted ? { done: true } : { seen: inWorkspace("runs") },
  );
const line = (pattern: RegExp, project = NAME) =>
  waitForText("the health line", async () => (await health(platform.container(project))).line, pattern);
/** The last status that the script has left. */
const status = (wanted: string) =>
  waitForText(
    "the end of setup",
    async () => (await shellIn(container, "cat /tmp/opencode-platform/setup")).stdout,
    wanted,
  );

beforeAll(async () => {
  repositories.add("prep", [{ files: { "README.md": "cloned" } }]);
  git = await startGit(repositories);
  for (const name of [NAME, GUEST])
    await platform.configure(`secrets:${name}/CANARY`, CANARY, { secret: true });
  await apply(leaving("one"));
});
afterAll(async () => {
  await platform.reset();
  for (const name of [NAME, GUEST]) await platform.pulumi("config", "rm", `secrets:${name}/CANARY`);
  await git?.close();
  removeFolder(folder);
});

describe("setup", () => {
  it("runs after the clone, with its output in the container's log", async () => {
    await runs("one\n");
    await status("ended 1 0");
    expect(await logsOf(container)).toMatch(/^\[setup\] done\n\[setup\] succeeded after \d+ s$/m);
    await answering(platform, NAME);
  });

  it("has the project's secrets, and not the server's password", async () => {
    const { stdout } = await shellIn(container, "cat ~/setup-env");
    expect(stdout).toContain(`CANARY=${CANARY}\n`);
    const password = (await shellIn(container, "cat /run/opencode/password")).stdout.trim();
    expect(password).not.toBe("");
    expect(stdout).not.toContain(password);
  });

  it("does not run again when its container starts again", async () => {
    await docker.getContainer(container).restart();
    await status("ended 0 0");
    expect(inWorkspace("runs")).toBe("one\n");
  });

  it("runs again when its text changes, in a container of its own", async () => {
    const before = (await platform.ids())[container];
    await apply(leaving("two"));
    await runs("one\ntwo\n");
    expect((await platform.ids())[container]).not.toBe(before);
  });

  it("runs beside opencode, which serves, and says how far it is", async () => {
    await apply("echo waiting for the file\nuntil [ -e go ]; do sleep 0.2; done\n");
    await line(/^serving;.* setup: running: waiting for the file; workspace: /);
    await answering(platform, NAME);
    const again = await platform.script("setup", NAME);
    expect([again.code, again.output]).toEqual([1, expect.stringContaining("it is running already")]);
    expect((await platform.script("doctor")).output).toContain(
      `setup of ${NAME}: running: waiting for the file`,
    );
    writeFileSync(join(platform.workspace(NAME), "go"), "");
    await line(/^serving; workspace: /);
  });

  it("leaves opencode serving when it fails, and says how", async () => {
    await apply("echo looking for fixed\ntest -e fixed\necho found\n");
    await answering(platform, NAME);
    await line(
      /^serving; setup failed with exit code 1: echo looking for fixed: looking for fixed; workspace: /,
    );
    expect((await health(container)).status).toBe("healthy");
    const { output } = await platform.script("doctor");
    expect(output).toContain(`setup of ${NAME}: failed with exit code 1`);
    expect(output).toContain(`    │ looking for fixed\n    → npm run setup -- ${NAME}\n`);
  });

  it("is run again by npm run setup, which shows it and ends as it does", async () => {
    const failed = await platform.script("setup", NAME);
    expect([failed.code, failed.stdout]).toEqual([
      1,
      expect.stringContaining(`looking for fixed\n\n${NAME}: its setup failed with exit code 1.\n`),
    ]);
    writeFileSync(join(platform.workspace(NAME), "fixed"), "");
    const succeeded = await platform.script("setup", NAME);
    expect([succeeded.code, succeeded.stdout]).toEqual([
      0,
      expect.stringContaining(`looking for fixed\nfound\n\n${NAME}: its setup succeeded.\n`),
    ]);
    await line(/^serving; workspace: /);
  });

  it("is refused in one sentence for what is not there", async () => {
    const asked = async (name: string) => {
      const { code, output } = await platform.script("setup", name);
      expect(code).toBe(1);
      return output;
    };
    expect(await asked("nobody")).toContain("nobody: is not in projects.yaml");
    expect(await asked("alpha")).toContain("alpha: has no setup in projects.yaml");
    await docker.getContainer(container).stop();
    expect(await asked(NAME)).toContain(`${NAME}: is not running, so its setup can't be run`);
    await docker.getContainer(container).start();
  });
});

describe("setup of a repository that nobody has trusted", () => {
  const page = { port, host: `${GUEST}.localhost:${port}` };

  it("waits for the yes", async () => {
    const guest = entry("touch has-run", { name: GUEST, trust: "ask" });
    await platform.apply([...platform.baseline(), guest]);
    await line(/^asks whether its repository is trusted/, GUEST);
    expect(inWorkspace("README.md", GUEST)).toBe("cloned");
    const refused = await platform.script("setup", GUEST);
    expect([refused.code, refused.output]).toEqual([
      1,
      expect.stringContaining("somebody has to trust the repository first"),
    ]);
    const inGuest = await shellIn(
      platform.container(GUEST),
      "ls has-run /tmp/opencode-platform/setup ~/.local/share/opencode-platform/setup.log 2>/dev/null",
    );
    expect(inGuest.stdout).toBe("");

    const { body } = await visit(port, `http://${page.host}/`);
    const [, digest = ""] = /name="digest" value="(\w+)"/.exec(body) ?? [];
    const yes = await ask({
      ...page,
      path: "/trust",
      method: "POST",
      headers: { origin: `http://${page.host}`, "sec-fetch-mode": "navigate" },
      body: new URLSearchParams({ digest }),
    });
    expect(yes.status, yes.body).toBe(200);
    await waitFor("setup", () =>
      existsSync(join(platform.workspace(GUEST), "has-run")) ? { done: true } : { seen: "nothing" },
    );
  });
});
