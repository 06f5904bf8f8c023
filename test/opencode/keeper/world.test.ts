/** What the keeper reads of the machine, as often as it looks: files and processes that have not changed are not read again. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fileInImage } from "../../support/opencode/image-files.ts";
import { configOf } from "../../support/opencode/keeper-world.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

const { makeWorld } = await import(fileInImage("keeper/world.mjs"));
const { asleepText } = await import(fileInImage("keeper/transitions.mjs"));

let folder = "";
beforeEach(() => {
  folder = temporaryFolder();
  for (const name of ["routes", "projects", "proc/7/net", "proc/8/net"])
    mkdirSync(join(folder, name), { recursive: true });
});
afterEach(() => removeFolder(folder));

function make() {
  const machine = { pid: 7, inspects: 0 };
  const docker = {
    inspect: async () => {
      machine.inspects += 1;
      return { State: { Pid: machine.pid } };
    },
  };
  const world = makeWorld({
    docker,
    prefix: "oc",
    gatewayPort: 1,
    routesDir: join(folder, "routes"),
    configDir: join(folder, "projects"),
    cgroups: folder,
    proc: join(folder, "proc"),
  });
  return { machine, world };
}
const write = (name: string, value: object) => {
  const file = join(folder, "projects", name);
  writeFileSync(`${file}.new`, JSON.stringify(value));
  renameSync(`${file}.new`, file);
};

it("reads what updates have written once, and again when it has changed", async () => {
  const { world } = make();
  write("web.json", configOf("web"));
  const first = (await world.configs()).get("web");
  expect(asleepText({ config: first, container: { address: "1.2.3.4" } })).toBe(
    '{"url":"http://1.2.3.4/asleep"}\n',
  );
  expect((await world.configs()).get("web")).toBe(first);
  write("web.json", configOf("web", { port: 5000 }));
  expect((await world.configs()).get("web")).toMatchObject({ port: 5000 });
  writeFileSync(join(folder, "projects/web.json"), "{");
  expect((await world.configs()).size).toBe(0);
});

it("reads a mark again when it was replaced, and none that is gone", async () => {
  const { world } = make();
  await world.mark("web", "one");
  expect((await world.marks()).get("web").text).toBe("one");
  await world.mark("web", "two");
  expect((await world.marks()).get("web").text).toBe("two");
  await world.unmark("web");
  expect((await world.marks()).size).toBe(0);
});

it("asks Docker once for a container's process, and again when it has started anew", async () => {
  const { machine, world } = make();
  for (let looks = 0; looks < 3; looks++) await world.queues({ id: "web-1" });
  expect(machine.inspects).toBe(1);
  machine.pid = 8;
  world.forget("web-1");
  await world.queues({ id: "web-1" });
  expect(machine.inspects).toBe(2);
  // Its process is there no more, and nobody has said so.
  rmSync(join(folder, "proc/8"), { recursive: true });
  await world.queues({ id: "web-1" });
  expect(machine.inspects).toBe(3);
});

it("is not asked again where nobody listens", async () => {
  const { world } = make();
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const answers = world.answers({ address: "127.0.0.1" }, { port });
  // Later it would be answered.
  await new Promise((resolve) => setImmediate(resolve));
  expect(await answers).toBe(false);
});

it("is answered by a server that never answers what came first", async () => {
  const { world } = make();
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    if (asked > 1) response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    expect(await world.answers({ address: "127.0.0.1" }, { port })).toBe(true);
    expect(asked).toBe(2);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
