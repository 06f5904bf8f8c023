/** The storage program with the keeper's own verbs, over their socket: each knows what the other means. */
import { writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fileInImage } from "../../support/opencode/image-files.ts";
import { makeMachine as makeDocker, PROJECT, startKeeper } from "../../support/opencode/keeper-world.ts";
import { fill, load, makeStorageWorld, words } from "../../support/opencode/storage-world.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

const { makeStorageVerbs, serveVerbs } = await import(fileInImage("keeper/verbs.mjs"));
const { makeContext } = await load("context");
const { makeMachine } = await load("machine");
const { makeCheckpoints } = await load("checkpoints");
const { begin } = await load("begin");

let folder = "";
let server: Server;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  server.close();
  removeFolder(folder);
});

it("copies while the project is paused, and replaces while it is stopped", async () => {
  const docker = makeDocker();
  const { keeper } = startKeeper(docker);
  await keeper.look();
  const socket = join(folder, "socket");
  server = serveVerbs(socket, makeStorageVerbs(keeper));
  await new Promise((resolve) => server.once("listening", resolve));
  const world = makeStorageWorld(folder);
  writeFileSync(join(world.projectsDir, `${PROJECT}.json`), JSON.stringify({ project: PROJECT }));
  fill(world, PROJECT, "first");
  const machine = makeMachine(socket);
  const seen: string[] = [];
  const noting = (what: string) => seen.push(`${what} ${docker.containers.get(PROJECT)?.state}`);
  const context = makeContext({
    root: world.root,
    projectsDir: world.projectsDir,
    machine: {
      ...machine,
      run: async (program: string, args: string[]) => {
        noting(program);
        return machine.run(program, args);
      },
      rename: async (from: string, to: string) => {
        if (from.startsWith(join(world.root, PROJECT))) noting("replaced");
        return machine.rename(from, to);
      },
    },
  });
  await begin(context);
  const { verbs } = makeCheckpoints(context);
  await verbs.checkpoint({ project: PROJECT, label: "good" }, () => {});
  expect(seen).toEqual(["cp paused", "cp paused", "cp paused", "du running"]);
  fill(world, PROJECT, "second");
  await verbs.rollback({ project: PROJECT, id: "good" }, () => {});
  expect(seen).toContain("replaced exited");
  expect(docker.containers.get(PROJECT)?.state).toBe("running");
  expect(words(world, PROJECT)).toEqual(["first", "first", "first"]);
});
