/** The gate of a project's container, with the folders of a test: who waits at it, and who lets it go. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copyFromImage, LIB } from "../support/opencode/image-files.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";
import { waitFor } from "../support/wait.ts";

let folder = "";
const path = (...parts: string[]) => join(folder, ...parts);
const children: ChildProcess[] = [];
const ID = "a".repeat(64);

beforeEach(() => {
  folder = temporaryFolder();
  for (const name of ["lib", "status", "home"]) mkdirSync(path(name));
  writeFileSync(path("lib/entrypoint"), '#!/bin/bash\necho "went $1"\n', { mode: 0o755 });
  mountsOf(ID);
  install();
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  removeFolder(folder);
});

const mountsOf = (id: string) =>
  writeFileSync(
    path("mountinfo"),
    `1 2 8:1 / / rw\n3 4 8:1 /var/lib/docker/containers/${id}/hosts /etc/hosts rw\n`,
  );
const install = (...more: [string, string][]) =>
  copyFromImage(
    path("lib"),
    ["gate"],
    [
      ["/tmp/opencode-platform", path("status")],
      [`lib=${LIB}`, `lib=${path("lib")}`],
      ["/proc/self/mountinfo", path("mountinfo")],
      ...more,
    ],
  );

function gate(verb: string): { readonly said: Promise<string>; readonly child: ChildProcess } {
  const child = spawn(path("lib/gate"), [verb], {
    env: { PATH: process.env.PATH, HOME: path("home") },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  let text = "";
  child.stdout.on("data", (data: Buffer) => {
    text += data.toString();
  });
  return { said: once(child, "close").then(() => text), child };
}
const door = () =>
  waitFor("the door", () => (existsSync(path("status/gate/door")) ? { done: true } : { seen: "none" }));

/** One that is not the first start. */
async function second() {
  expect(await gate("wait").said).toBe("went started\n");
  const waiting = gate("wait");
  await door();
  return waiting;
}

describe("the gate", () => {
  it("lets the first start of each container pass", async () => {
    expect(await gate("wait").said).toBe("went started\n");
    mountsOf("b".repeat(64));
    expect(await gate("wait").said).toBe("went started\n");
    expect(readFileSync(path("home/.local/share/opencode-platform/started"), "utf8")).toBe(
      `${"b".repeat(64)}\n`,
    );
  });

  it("holds any other start until it is let go", async () => {
    const { said, child } = await second();
    expect(child.exitCode).toBeNull();
    await gate("go").said;
    expect(await said).toBe("went started\n");
  });

  it("is opened by a word that came before it", async () => {
    expect(await gate("wait").said).toBe("went started\n");
    await gate("go").said;
    expect(await gate("wait").said).toBe("went started\n");
  });

  it("waits for longer once it was told to, and can still be let go", async () => {
    install(["longest=600", "longest=0"], ["spread=60", "spread=1"]);
    expect(await gate("wait").said).toBe("went started\n");
    await gate("hold").said;
    const { said, child } = gate("wait");
    await door();
    await gate("hold").said;
    expect(child.exitCode).toBeNull();
    await gate("go").said;
    expect(await said).toBe("went started\n");
  });

  it("opens by itself where nobody says a word", async () => {
    install(["longest=600", "longest=1"], ["spread=60", "spread=1"]);
    expect(await gate("wait").said).toBe("went started\n");
    expect(await gate("wait").said).toBe("went started\n");
  });

  it("opens by itself an hour after it was told to wait, where no other word comes", async () => {
    install(["held=3600", "held=1"], ["spread=60", "spread=1"]);
    expect(await gate("wait").said).toBe("went started\n");
    await gate("hold").said;
    expect(await gate("wait").said).toBe("went started\n");
  });

  it("ends at once when the container is stopped", async () => {
    const { said, child } = await second();
    child.kill("SIGTERM");
    expect(await said).toBe("");
  });

  it("waits for nobody to let a project go that does not wait", async () => {
    await gate("go").said;
    await gate("go").said;
    expect(existsSync(path("status/gate/door"))).toBe(false);
  });

  it("holds nothing where the container's id is unknown", async () => {
    writeFileSync(path("mountinfo"), "1 2 8:1 / / rw\n");
    for (let start = 0; start < 2; start++) expect(await gate("wait").said).toBe("went started\n");
  });
});
