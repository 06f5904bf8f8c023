/** The keeper's parts that look at the machine: sockets, control groups, clocks; and its verbs over a socket. */
import { readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { request, type Server } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PLATFORM_LABEL, PROJECT_LABEL, SERVICE_LABEL } from "../../../config/naming/names.ts";
import { RELAY_PORT } from "../../../config/projects/ports.ts";
import { fileInImage } from "../../support/opencode/image-files.ts";
import { makeMachine, PROJECT, startKeeper } from "../../support/opencode/keeper-world.ts";
import { run } from "../../support/run.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

const load = async (name: string) => import(fileInImage(`keeper/${name}.mjs`));
const { parseSockets, waiting } = await load("sockets");
const { groupOf, limitSwap, usage } = await load("cgroups");
const { steadied, jumps } = await load("clock");
const { makeStorageVerbs, makeVerbs, serveVerbs } = await load("verbs");
const { leaseFiles } = await load("lease-files");

it("calls labels and the relay's port as the rest of the platform does", async () => {
  expect({ ...(await load("names")) }).toEqual({ PLATFORM_LABEL, PROJECT_LABEL, RELAY_PORT, SERVICE_LABEL });
});

let folder = "";
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => removeFolder(folder));

describe("what waits in sockets", () => {
  const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n";
  const line = (local: string, remote: string, state: string, queues: string) =>
    `   0: ${local} ${remote} ${state} ${queues} 00:00000000 00000000  1000        0 12345 1 0000 100 0 0 10 0\n`;
  const LISTENS = line("00000000:1000", "00000000:0000", "0A", "00000000:00000000");
  const of = (...lines: string[]) => waiting(parseSockets(HEAD + LISTENS + lines.join("")));
  const NONE = { unread: 0, unsent: 0, connections: 0 };

  it.each([
    ["nothing of idle connections", line("020011AC:1000", "010011AC:C350", "01", "00000000:00000000"), NONE],
    [
      "unread bytes of a client's",
      line("020011AC:1000", "010011AC:C350", "01", "00000000:0000002A"),
      { ...NONE, unread: 42 },
    ],
    [
      "bytes that a client has not taken",
      line("020011AC:1000", "010011AC:C350", "01", "00000010:00000000"),
      { ...NONE, unsent: 16 },
    ],
    [
      "a client that has closed its connection, without its last byte",
      line("020011AC:1000", "010011AC:C350", "08", "00000000:00000001"),
      NONE,
    ],
    [
      "a client that has sent and closed",
      line("020011AC:1000", "010011AC:C350", "08", "00000000:00000003"),
      { ...NONE, unread: 2 },
    ],
    [
      "nothing of connections that the project has opened",
      line("020011AC:C350", "08080808:01BB", "01", "00000000:00000020"),
      NONE,
    ],
    ["nothing of those within it", line("0100007F:1000", "0100007F:C350", "01", "00000000:00000020"), NONE],
    [
      "clients in the mapped form of IPv6",
      line(
        "0000000000000000FFFF0000020011AC:1000",
        "0000000000000000FFFF0000010011AC:C350",
        "01",
        "00000000:00000005",
      ),
      { ...NONE, unread: 5 },
    ],
    [
      "nothing of those within it in that form",
      line(
        "0000000000000000FFFF00000100007F:1000",
        "0000000000000000FFFF00000100007F:C350",
        "01",
        "00000000:00000005",
      ),
      NONE,
    ],
  ])("counts %s", (_what, text, expected) => {
    expect(of(text)).toEqual(expected);
  });

  it("counts connections that nobody has taken, also at ports whose others are left out", () => {
    const text =
      line("00000000:1001", "00000000:0000", "0A", "00000000:00000002") +
      line("020011AC:1001", "010011AC:C350", "01", "00000000:0000002A");
    expect(waiting(parseSockets(HEAD + text), [0x1001])).toEqual({ unread: 0, unsent: 0, connections: 2 });
  });
});

describe("a container's control group", () => {
  const LINES = {
    cgroupfs: {
      text: "12:pids:/docker/abc\n4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc\n0::/\n",
      file: "memory/docker/abc/memory.usage_in_bytes",
    },
    "systemd, version 1": {
      text: "4:memory:/system.slice/docker-abc.scope\n0::/system.slice/docker-abc.scope\n",
      file: "memory/system.slice/docker-abc.scope/memory.usage_in_bytes",
    },
    "systemd, version 2": {
      text: "0::/system.slice/docker-abc.scope\n",
      file: "system.slice/docker-abc.scope/memory.current",
    },
    "cgroupfs, version 2": { text: "0::/docker/abc\n", file: "docker/abc/memory.current" },
    "a Docker within a container": {
      text: "4:memory:/docker/outer/docker/abc\n",
      file: "memory/docker/abc/memory.usage_in_bytes",
    },
    "another group's view": { text: "0::/../docker-abc.scope\n", file: "docker-abc.scope/memory.current" },
  };
  it.each(Object.entries(LINES))("is found for %s", (_driver, { text, file }) => {
    const path = join("/sys/fs/cgroup", file);
    const group = groupOf(text, "/sys/fs/cgroup", (asked: string) => asked === path);
    expect(group).toEqual({
      version: file.startsWith("memory/") ? 1 : 2,
      path: path.replace(/\/[^/]+$/, ""),
    });
  });

  it("is not another's where there is none", () => {
    expect(
      groupOf(
        "0::/docker/abc\n",
        "/sys/fs/cgroup",
        (path: string) => path === "/sys/fs/cgroup/memory.current",
      ),
    ).toBe(undefined);
  });

  const file = (name: string) => join(folder, name);
  it("may swap while its project sleeps, and then has Docker's limit again", async () => {
    for (const [version, name, open, closed] of [
      [1, "memory.memsw.limit_in_bytes", "-1", "1000"],
      [2, "memory.swap.max", "max", "0"],
    ] as const) {
      writeFileSync(file(name), "?");
      await limitSwap({ version, path: folder }, "all");
      expect(readFileSync(file(name), "utf8")).toBe(open);
      await limitSwap({ version, path: folder }, { memory: 1000, memorySwap: 1000 });
      expect(readFileSync(file(name), "utf8")).toBe(closed);
    }
  });

  it("says how much of it is in RAM and in swap, in either version", async () => {
    writeFileSync(file("memory.usage_in_bytes"), "5000\n");
    writeFileSync(file("memory.stat"), "rss 1\ntotal_rss 3000\ntotal_swap 70\n");
    expect(await usage({ version: 1, path: folder })).toEqual({ ram: 5000, swap: 70 });
    writeFileSync(file("memory.current"), "6000\n");
    expect(await usage({ version: 2, path: folder })).toEqual({ ram: 6000, swap: 0 });
    writeFileSync(file("memory.swap.current"), "80\n");
    expect(await usage({ version: 2, path: folder })).toEqual({ ram: 6000, swap: 80 });
  });
});

describe("moments", () => {
  const seen = {
    now: 1000,
    since: 0,
    lastActivity: 400,
    busy: 0,
    pending: 0,
    terminals: 0,
    transfer: null,
    ports: 700,
  };

  it("are as old as the project says", () => {
    expect(steadied(seen, new Map(), { steady: 50_000 })).toEqual(seen);
  });
  it("are no older than it has been awake", () => {
    expect(steadied(seen, new Map(), { steady: 50_000, floor: 49_800 })).toMatchObject({
      lastActivity: 800,
      ports: 800,
      transfer: null,
    });
  });
  it("of the future grow old by the steady clock", () => {
    const known = new Map();
    const future = { ...seen, lastActivity: 5000 };
    expect(steadied(future, known, { steady: 100 }).lastActivity).toBe(1000);
    expect(steadied({ ...future, now: 1300 }, known, { steady: 400 }).lastActivity).toBe(1000);
  });
  it("move on with a test's clock", () => {
    expect(steadied(seen, new Map(), { steady: 50_000, ahead: 5000 })).toMatchObject({
      now: 6000,
      lastActivity: 400,
    });
  });
  it("are doubted when the clock was set, and not when it went on", () => {
    let [wall, steady] = [0, 0];
    const jumped = jumps({ wall: () => wall, steady: () => steady });
    const later = (byWall: number, bySteady: number) => {
      wall += byWall;
      steady += bySteady;
      return jumped();
    };
    expect([
      later(0, 0),
      later(60_000, 60_000),
      later(3_600_000, 10),
      later(10, 10),
      later(-20_000, 10),
    ]).toEqual([false, false, true, false, true]);
  });
});

describe("leases on disk", () => {
  const lease = { kind: "park", was: "awake", seconds: 60, own: "web-1", services: ["db"], isGranted: true };
  const file = (name: string) => join(folder, "leases", name);

  it("are a file for each project, which outlives its writer", async () => {
    const files = leaseFiles(join(folder, "leases"));
    expect(await files.leases()).toEqual(new Map());
    await files.lease("web", { ...lease, isGranted: false });
    await files.lease("web", lease);
    expect(await leaseFiles(join(folder, "leases")).leases()).toEqual(new Map([["web", lease]]));
    expect(statSync(file("web.json")).mode & 0o777).toBe(0o600);
    await files.unlease("web");
    await files.unlease("web");
    expect(await files.leases()).toEqual(new Map());
  });

  it("are none where the file is another, and are written through no link", async () => {
    const files = leaseFiles(join(folder, "leases"));
    await files.lease("web", lease);
    for (const [name, text] of [
      ["a", "{"],
      ["b", "null"],
      ["c", JSON.stringify({ ...lease, kind: "other" })],
      ["d", JSON.stringify({ ...lease, seconds: 1e9 })],
      ["e", JSON.stringify({ ...lease, services: [1] })],
      ["f", JSON.stringify({ ...lease, own: {} })],
      ["-g", JSON.stringify(lease)],
    ])
      writeFileSync(file(`${name}.json`), text ?? "");
    expect([...(await files.leases()).keys()]).toEqual(["web"]);
    writeFileSync(join(folder, "other"), "kept");
    symlinkSync(join(folder, "other"), file("x.json.new"));
    await files.lease("x", lease);
    expect(readFileSync(join(folder, "other"), "utf8")).toBe("kept");
    expect([...(await files.leases()).keys()].sort()).toEqual(["web", "x"]);
  });
});

describe("verbs", () => {
  let server: Server;
  const socket = () => join(folder, "ask.sock");
  const machine = makeMachine();
  const serve = async (only?: string) => {
    const { keeper } = startKeeper(machine);
    const verbs = makeVerbs(keeper);
    server = serveVerbs(socket(), only ? { [only]: verbs[only] } : verbs);
    await keeper.look();
    await new Promise((resolve) => server.once("listening", resolve)).catch(() => {});
  };
  const call = (method: string, path: string) =>
    new Promise<[number, unknown]>((resolve, reject) => {
      const sent = request({ socketPath: socket(), method, path }, async (response) => {
        let text = "";
        for await (const part of response) text += part;
        resolve([response.statusCode ?? 0, JSON.parse(text)]);
      });
      sent.on("error", reject);
      sent.end();
    });
  /** The image's `ask`, on this socket. */
  const ask = async (...words: string[]) => {
    const { code, stdout } = await run(fileInImage("keeper/ask"), words, {
      env: { ...process.env, OPENCODE_PLATFORM_ASK: socket() },
    });
    return [code, JSON.parse(stdout)];
  };
  afterEach(() => void server.close());

  it("list, put to sleep, wake and tell the history, with a status for each refusal", async () => {
    await serve();
    expect(await call("GET", "/projects")).toEqual([
      200,
      [expect.objectContaining({ project: PROJECT, state: "awake" })],
    ]);
    expect(await call("POST", `/sleep?project=${PROJECT}`)).toEqual([
      200,
      { state: "asleep", ram: 5, swap: 200 },
    ]);
    expect(await call("POST", `/wake?project=${PROJECT}`)).toEqual([200, { state: "awake" }]);
    expect(await call("POST", "/wake?project=nobody")).toEqual([
      404,
      { error: "There is no project nobody." },
    ]);
    machine.seen = { ...machine.seen, busy: 1 };
    expect(await call("POST", `/sleep?project=${PROJECT}`)).toEqual([
      409,
      { error: expect.stringContaining("it ") },
    ]);
    machine.seen = { ...machine.seen, busy: 0 };
    const [status, lines] = await call("GET", `/history?project=${PROJECT}`);
    expect([status, (lines as { what: string }[]).map(({ what }) => what)]).toEqual([
      200,
      ["asleep", "woken"],
    ]);
    expect(await call("GET", "/wake")).toEqual([404, { error: "The keeper has no such verb." }]);
  });

  it("freeze and stop on a socket of their own, for so many seconds", async () => {
    const { keeper } = startKeeper(makeMachine());
    server = serveVerbs(socket(), makeStorageVerbs(keeper));
    await keeper.look();
    const at = (verb: string, more = "") => call("POST", `/${verb}?project=${PROJECT}${more}`);
    expect(await at("hold", "&seconds=5")).toEqual([200, { was: "awake", renewed: false }]);
    expect(await at("park")).toEqual([409, { error: "its files are being copied" }]);
    expect(await at("release")).toEqual([200, { state: "awake" }]);
    for (const seconds of ["0", "601", "1.5", "ten", "-1"])
      expect(await at("hold", `&seconds=${seconds}`)).toEqual([
        409,
        { error: "seconds is a whole number from 1 to 600." },
      ]);
    expect(await at("park")).toEqual([200, { was: "awake", renewed: false }]);
    expect(await call("GET", "/projects")).toEqual([
      200,
      [expect.objectContaining({ project: PROJECT, state: "parked" })],
    ]);
    expect(await at("unpark")).toEqual([200, { state: "awake", answers: true }]);
    expect(await call("POST", "/hold?project=nobody")).toEqual([
      404,
      { error: "There is no project nobody." },
    ]);
    for (const verb of ["wake", "sleep", "restart", "history"])
      expect((await at(verb))[1]).toEqual({ error: "The keeper has no such verb." });
  });

  it("are those of the socket alone", async () => {
    await serve("GET projects");
    expect((await call("GET", "/projects"))[0]).toBe(200);
    expect((await call("POST", `/sleep?project=${PROJECT}`))[0]).toBe(404);
  });

  it("are asked by the image's program, which fails with the keeper's sentence", async () => {
    await serve();
    expect(await ask("projects")).toEqual([0, [expect.objectContaining({ project: PROJECT })]]);
    expect(await ask("wake", "nobody")).toEqual([1, { error: "There is no project nobody." }]);
    expect(await ask("wake", "a b")).toEqual([1, { error: expect.stringContaining("ask <verb>") }]);
    server.close();
    server.closeAllConnections();
    expect(await ask("projects")).toEqual([1, { error: "The keeper does not answer." }]);
  });
});
