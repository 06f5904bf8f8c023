/** What a project's container says of what goes on in it: the image's own modules, with an opencode and a /proc of the test's. */
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fileInImage } from "../support/opencode/image-files.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

interface Look {
  now: number;
  since: number;
  lastActivity?: number;
  busy?: number;
  pending?: number;
  terminals?: number;
  chores?: number;
  logins?: number;
  transfer?: number | null;
  ports: number | null;
}
interface Activity {
  look: () => Look;
  answer: (request: IncomingMessage, response: ServerResponse) => boolean;
  portAsked: (request: Pick<IncomingMessage, "method" | "headers">) => (chunk: Buffer) => void;
  portOpened: () => (chunk: Buffer) => void;
  stop: () => void;
}
interface Sessions {
  counts: () => { busy: number; pending: number } | undefined;
  last: () => number;
  stop: () => void;
}
const { startActivity } = (await import(fileInImage("activity.mjs"))) as {
  startActivity: (options: object) => Activity;
};
const { watchSessions } = (await import(fileInImage("watch-sessions.mjs"))) as {
  watchSessions: (options: object) => Sessions;
};
const { watchTransfers, LEAST_BYTES } = (await import(fileInImage("watch-transfers.mjs"))) as {
  watchTransfers: (options: object) => {
    look: () => void;
    last: () => number | null | undefined;
    start: () => void;
  };
  LEAST_BYTES: number;
};
const { runningTerminals, lastTyped } = (await import(fileInImage("watch-terminals.mjs"))) as {
  runningTerminals: (proc: string) => number;
  lastTyped: (devices: string) => number;
};

let folder = "";
const cleanups: (() => void)[] = [];
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
  removeFolder(folder);
});

/** What an idle server answers. */
const nothing = (path: string) =>
  path.startsWith("/api/")
    ? { data: path.endsWith("/active") ? {} : [] }
    : path.startsWith("/session")
      ? {}
      : [];

/** An opencode of either major: its stream, and what it knows when it is asked. */
class Opencode {
  readonly asked: string[] = [];
  readonly answers: Record<string, unknown> = {};
  readonly #streams = new Set<ServerResponse>();
  #server: Server | undefined;
  port = 0;
  /** Streams that were ever opened. */
  opened = 0;

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const path = request.url ?? "";
      expect(request.headers.authorization).toBe(
        `Basic ${Buffer.from("opencode:secret").toString("base64")}`,
      );
      if (!path.endsWith("/event")) {
        this.asked.push(path);
        return response.end(JSON.stringify(this.answers[path] ?? nothing(path)));
      }
      response.writeHead(200, { "content-type": "text/event-stream" });
      this.#streams.add(response);
      this.opened++;
      response.on("close", () => this.#streams.delete(response));
      const connected = { id: "evt_1", type: "server.connected" };
      response.write(
        `data: ${JSON.stringify(path.startsWith("/global") ? { payload: { ...connected, properties: {} } } : { ...connected, data: {} })}\n\n`,
      );
    });
    server.listen(this.port, "127.0.0.1");
    await once(server, "listening");
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    cleanups.push(() => this.stop());
  }

  get followers(): number {
    return this.#streams.size;
  }

  /** An event of 1.x. */
  v1(type: string, properties: object, directory = "/workspace"): void {
    this.write(
      `data: ${JSON.stringify({ directory, project: "p", payload: { id: "evt_1", type, properties } })}\n\n`,
    );
  }

  /** An event of 2.x. */
  v2(type: string, data: object): void {
    this.write(
      `data: ${JSON.stringify({ id: "evt_1", created: 1, type, location: { directory: "/workspace" }, data })}\n\n`,
    );
  }

  write(text: string): void {
    for (const stream of this.#streams) stream.write(text);
  }

  cut(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}

const file = () => join(folder, "status", "activity.json");
function watch(opencode: Opencode, major: number, times: object = {}): Sessions {
  const sessions = watchSessions({
    major,
    password: "secret",
    file: file(),
    port: opencode.port,
    times: { retry: 5, save: 0, ...times },
  });
  cleanups.push(() => sessions.stop());
  return sessions;
}

async function follow(major: number, times?: object) {
  const opencode = new Opencode();
  await opencode.start();
  const sessions = watch(opencode, major, times);
  await expect.poll(() => sessions.counts()).toEqual({ busy: 0, pending: 0 });
  return { opencode, sessions };
}

const status = (sessionID: string, type: string) =>
  ["session.status", { sessionID, status: { type } }] as const;
const asked = (id: string, sessionID: string) =>
  ["permission.asked", { id, sessionID, permission: "bash" }] as const;

describe("sessions of 1.x", () => {
  it("work from busy to idle, and while a model is tried again", async () => {
    const { opencode, sessions } = await follow(1);
    opencode.v1(...status("ses_a", "busy"));
    await expect.poll(() => sessions.counts()).toEqual({ busy: 1, pending: 0 });
    opencode.v1(...status("ses_a", "retry"));
    opencode.v1(...status("ses_b", "busy"));
    await expect.poll(() => sessions.counts()).toEqual({ busy: 2, pending: 0 });
    opencode.v1(...status("ses_a", "idle"));
    opencode.v1("session.idle", { sessionID: "ses_b" });
    await expect.poll(() => sessions.counts()).toEqual({ busy: 0, pending: 0 });
  });

  it("wait instead of working until somebody answers, and so do those that they work for", async () => {
    const { opencode, sessions } = await follow(1);
    opencode.v1("session.created", { info: { id: "ses_child", parentID: "ses_a" } });
    for (const id of ["ses_a", "ses_child"]) opencode.v1(...status(id, "busy"));
    opencode.v1(...asked("per_1", "ses_child"));
    await expect.poll(() => sessions.counts()).toEqual({ busy: 0, pending: 1 });
    opencode.v1("permission.replied", { sessionID: "ses_child", requestID: "per_1", reply: "once" });
    await expect.poll(() => sessions.counts()).toEqual({ busy: 2, pending: 0 });
    opencode.v1("question.asked", { id: "que_1", sessionID: "ses_a", questions: [] });
    await expect.poll(() => sessions.counts()).toEqual({ busy: 1, pending: 1 });
    opencode.v1("question.rejected", { sessionID: "ses_a", requestID: "que_1" });
    await expect.poll(() => sessions.counts()).toEqual({ busy: 2, pending: 0 });
  });

  it("end with the instance of their directory", async () => {
    const { opencode, sessions } = await follow(1);
    opencode.v1(...status("ses_a", "busy"));
    opencode.v1(...status("ses_b", "busy"), "/workspace/other");
    opencode.v1(...asked("per_1", "ses_a"));
    await expect.poll(() => sessions.counts()).toEqual({ busy: 1, pending: 1 });
    opencode.v1("server.instance.disposed", { directory: "/workspace" });
    await expect.poll(() => sessions.counts()).toEqual({ busy: 1, pending: 0 });
  });
});

describe("sessions of 2.x", () => {
  it("work for as long as they are executed", async () => {
    const { opencode, sessions } = await follow(2);
    for (const end of ["succeeded", "failed", "interrupted"]) {
      opencode.v2("session.execution.started", { sessionID: "ses_a" });
      await expect.poll(() => sessions.counts()).toEqual({ busy: 1, pending: 0 });
      opencode.v2(`session.execution.${end}`, { sessionID: "ses_a" });
      await expect.poll(() => sessions.counts()).toEqual({ busy: 0, pending: 0 });
    }
  });

  it("wait for permissions and forms, and no more once they are stopped, of which no reply tells", async () => {
    const { opencode, sessions } = await follow(2);
    opencode.v2("session.execution.started", { sessionID: "ses_a" });
    opencode.v2("permission.asked", { id: "per_1", sessionID: "ses_a", action: "shell" });
    await expect.poll(() => sessions.counts()).toEqual({ busy: 0, pending: 1 });
    opencode.v2("permission.replied", { sessionID: "ses_a", requestID: "per_1" });
    await expect.poll(() => sessions.counts()).toEqual({ busy: 1, pending: 0 });
    opencode.v2("form.created", { form: { id: "frm_1", sessionID: "ses_a" } });
    await expect.poll(() => sessions.counts()).toEqual({ busy: 0, pending: 1 });
    opencode.v2("session.execution.interrupted", { sessionID: "ses_a" });
    await expect.poll(() => sessions.counts()).toEqual({ busy: 0, pending: 0 });
  });

  it("are asked about when a stream was cut: their end may have been missed", async () => {
    const { opencode, sessions } = await follow(2);
    opencode.v2("session.execution.started", { sessionID: "ses_gone" });
    await expect.poll(() => sessions.counts()).toEqual({ busy: 1, pending: 0 });
    opencode.answers["/api/session/active"] = {
      data: { ses_new: { type: "running" }, ses_waits: { type: "running" } },
    };
    for (const id of ["ses_new", "ses_waits"])
      for (const kind of ["permission", "form"])
        opencode.answers[`/api/session/${id}/${kind}`] = { data: [] };
    opencode.answers["/api/session/ses_waits/permission"] = { data: [{ id: "per_1" }] };
    opencode.cut();
    await expect.poll(() => sessions.counts()).toEqual({ busy: 1, pending: 1 });
  });
});

describe("what is known of sessions", () => {
  it("is not known without the server, nor right after it was cut", async () => {
    const opencode = new Opencode();
    await opencode.start();
    opencode.stop();
    const sessions = watch(opencode, 1);
    expect(sessions.counts()).toBeUndefined();
    await opencode.start();
    await expect.poll(() => sessions.counts()).toEqual({ busy: 0, pending: 0 });
    opencode.stop();
    await expect.poll(() => sessions.counts()).toBeUndefined();
  });

  it("survives the relay, and starts no instance when it asks: only directories with a session that works", async () => {
    const { opencode, sessions } = await follow(1);
    opencode.asked.length = 0;
    opencode.v1(...status("ses_a", "busy"), "/workspace/app");
    opencode.v1(...asked("per_1", "ses_b"), "/workspace/app");
    await expect.poll(() => sessions.counts()).toEqual({ busy: 1, pending: 1 });
    await expect.poll(() => existsSync(file()) && readFileSync(file(), "utf8").includes("per_1")).toBe(true);
    sessions.stop();
    const query = `?directory=${encodeURIComponent("/workspace/app")}`;
    opencode.answers[`/session/status${query}`] = { ses_a: { type: "busy" } };
    opencode.answers[`/permission${query}`] = [{ id: "per_1", sessionID: "ses_b" }];
    opencode.answers[`/question${query}`] = [];
    const next = watch(opencode, 1);
    await expect.poll(() => next.counts()).toEqual({ busy: 1, pending: 1 });
    expect(next.last()).toBe(sessions.last());
    expect(opencode.asked).toEqual([`/session/status${query}`, `/permission${query}`, `/question${query}`]);
  });

  it("ends with the server: what worked in it works no more", async () => {
    const { opencode, sessions } = await follow(1);
    opencode.v1(...status("ses_a", "busy"));
    await expect.poll(() => sessions.counts()).toEqual({ busy: 1, pending: 0 });
    opencode.stop();
    await expect.poll(() => readFileSync(file(), "utf8")).toContain('"busy":{}');
    await opencode.start();
    await expect.poll(() => sessions.counts()).toEqual({ busy: 0, pending: 0 });
  });

  it("holds of a session that works for hours and says nothing", async () => {
    const { opencode, sessions } = await follow(1, { stale: 0, silence: 100 });
    opencode.answers["/session/status?directory=%2Fworkspace"] = { ses_a: { type: "busy" } };
    opencode.answers["/permission?directory=%2Fworkspace"] = [];
    opencode.answers["/question?directory=%2Fworkspace"] = [];
    opencode.v1(...status("ses_a", "busy"));
    const beating = setInterval(() => opencode.v1("server.heartbeat", {}), 5);
    cleanups.push(() => clearInterval(beating));
    const before = opencode.asked.length;
    await expect.poll(() => opencode.asked.length).toBeGreaterThan(before + 3);
    expect(opencode.followers).toBe(1);
    await expect.poll(() => sessions.counts()).toEqual({ busy: 1, pending: 0 });
  });

  it("is given up with a server from which nothing comes any more", async () => {
    const opencode = new Opencode();
    await opencode.start();
    const sessions = watch(opencode, 1, { silence: 20, retry: 60_000 });
    await expect.poll(() => [opencode.opened, opencode.followers]).toEqual([1, 0]);
    expect(sessions.counts()).toBeUndefined();
  });

  it("is read from events that are too long to keep, and from parts of events", async () => {
    const { opencode, sessions } = await follow(1);
    opencode.v1("permission.asked", {
      id: "per_1",
      sessionID: "ses_a",
      metadata: { diff: "x".repeat(200_000) },
    });
    await expect.poll(() => sessions.counts()).toEqual({ busy: 0, pending: 1 });
    const text = `data: ${JSON.stringify({ payload: { id: "evt_1", type: "permission.replied", properties: { requestID: "per_1" } } })}\n\n`;
    opencode.write(text.slice(0, 40));
    opencode.write(text.slice(40));
    await expect.poll(() => sessions.counts()).toEqual({ busy: 0, pending: 0 });
  });
});

describe("the last activity", () => {
  it("is a prompt or progress, and no heartbeat, file, plugin or look of a page", async () => {
    const { opencode, sessions } = await follow(2);
    for (const type of [
      "server.heartbeat",
      "file.watcher.updated",
      "plugin.updated",
      "vcs.branch.updated",
      "session.viewed",
    ])
      opencode.v2(type, { sessionID: "ses_a" });
    opencode.v2("session.execution.started", { sessionID: "ses_b" });
    await expect.poll(() => sessions.counts()?.busy).toBe(1);
    const started = sessions.last();
    expect(started).toBeGreaterThan(0);
    opencode.v2("server.heartbeat", {});
    await expect
      .poll(() => {
        opencode.v2("session.text.delta", { sessionID: "ses_b", delta: "x" });
        return sessions.last();
      })
      .toBeGreaterThan(started);
  });

  it.each([
    ["mcp.browser.open.failed", { mcpName: "docs", url: "https://example.com/authorize" }],
    ["integration.connection.updated", { integrationID: "anthropic" }],
  ])("is a log-in: %s", async (type, data) => {
    const { opencode, sessions } = await follow(2);
    await expect.poll(() => sessions.counts()).toBeDefined();
    expect(sessions.last()).toBe(0);
    opencode.v2(type, data);
    await expect.poll(() => sessions.last()).toBeGreaterThan(0);
  });

  it("is none of an open tab, which only listens", async () => {
    const { opencode, sessions } = await follow(1);
    for (const type of ["server.connected", "server.heartbeat", "project.updated", "catalog.updated"])
      opencode.v1(type, {});
    opencode.v1(...status("ses_a", "busy"));
    opencode.v1(...status("ses_a", "idle"));
    await expect.poll(() => sessions.last()).toBeGreaterThan(0);
    const fresh = await follow(1);
    for (const type of ["server.connected", "server.heartbeat", "project.updated", "catalog.updated"])
      fresh.opencode.v1(type, {});
    expect(fresh.sessions.last()).toBe(sessions.last());
  });
});

interface Process {
  pid: number;
  name?: string;
  state?: string;
  group?: number;
  session?: number;
  tty?: number;
  foreground?: number;
  command?: string[];
}
const TTY = 136 << 8;

/** A /proc with these processes. */
function proc(...list: Process[]): string {
  const root = join(folder, "proc");
  mkdirSync(join(root, "net"), { recursive: true });
  writeFileSync(join(root, "uptime"), "1 1");
  for (const {
    pid,
    name = "x",
    state = "S",
    group = pid,
    session = pid,
    tty = 0,
    foreground = -1,
    command = [name],
  } of list) {
    mkdirSync(join(root, String(pid)), { recursive: true });
    writeFileSync(
      join(root, String(pid), "stat"),
      `${pid} (${name}) ${state} 1 ${group} ${session} ${tty} ${foreground} 4194304 0 0`,
    );
    writeFileSync(join(root, String(pid), "cmdline"), `${command.join("\0")}\0`);
  }
  return root;
}
const shell = (foreground: number, command = ["/bin/bash", "-l"]): Process => ({
  pid: 10,
  tty: TTY,
  foreground,
  command,
  name: "bash",
});

describe("terminals", () => {
  it("are in use with a program in the foreground: vim, a counter, a name with anything in it", () => {
    expect(
      runningTerminals(proc(shell(11), { pid: 11, session: 10, tty: TTY, foreground: 11, name: "vim" })),
    ).toBe(1);
    expect(
      runningTerminals(
        proc(shell(11), { pid: 11, session: 10, tty: TTY, foreground: 11, name: "a) S 1 (b" }),
      ),
    ).toBe(1);
  });

  it("are not with a shell that waits, a job in the background, a daemon, a process that has ended", () => {
    const background = { pid: 12, session: 10, tty: TTY, foreground: 10, name: "sleep" };
    const daemon = { pid: 13, name: "node" };
    const ended = { pid: 11, session: 10, tty: TTY, foreground: 11, state: "Z" };
    for (const command of [["/bin/bash", "-l"], ["-zsh"], ["sh"], ["bash", "--rcfile", "/x", "-i"]])
      expect(runningTerminals(proc(shell(10, command), background, daemon)), command.join(" ")).toBe(0);
    removeFolder(join(folder, "proc"));
    expect(runningTerminals(proc(shell(11), ended))).toBe(0);
  });

  it("are in use when they were opened for a program, a script's shell among them", () => {
    for (const command of [
      ["vim"],
      ["bash", "-c", "sleep 9"],
      ["bash", "./counter.sh"],
      ["/usr/bin/python3"],
    ])
      expect(runningTerminals(proc(shell(10, command))), command.join(" ")).toBe(1);
  });

  it("are counted once each, and whose shell has gone too", () => {
    const second = { pid: 20, tty: TTY + 1, foreground: 21, command: ["zsh"] };
    const in2 = { pid: 21, session: 20, tty: TTY + 1, foreground: 21 };
    const orphan = { pid: 31, session: 30, group: 31, tty: TTY + 2, foreground: 31 };
    expect(runningTerminals(proc(shell(10), second, in2, { ...in2, pid: 22, group: 21 }, orphan))).toBe(2);
  });

  it("say when somebody typed, or something was written", () => {
    const devices = join(folder, "pts");
    expect(lastTyped(devices)).toBe(0);
    mkdirSync(devices);
    expect(lastTyped(devices)).toBe(0);
    for (const [name, read, written] of [
      ["0", 1000, 2000],
      ["1", 5000, 3000],
      ["ptmx", 9000, 9000],
    ] as const) {
      writeFileSync(join(devices, name), "");
      utimesSync(join(devices, name), read, written);
    }
    expect(lastTyped(devices)).toBe(5_000_000);
  });
});

const HEADER = "  sl  local_address rem_address   st\n";
const line = (local: string, remote: string, state: string) =>
  `   0: ${local} ${remote} ${state} 00000000:00000000\n`;
const SERVED = line("00000000:1000", "00000000:0000", "0A");
const TAB = line("020011AC:1000", "010011AC:C350", "01");
const OUT = line("020011AC:D431", "08080808:01BB", "01");
const TO_LOOPBACK = line("0100007F:D432", "0100007F:0BB8", "01");

/** A transfer's watch, whose clock and bytes the test moves. */
function transfers(...lines: string[]) {
  const root = proc();
  const at = { now: 1_800_000_000_000, received: 1000, sent: 0 };
  const set = (connections: string[]) => writeFileSync(join(root, "net/tcp"), HEADER + connections.join(""));
  set(lines);
  writeFileSync(
    join(root, "net/tcp6"),
    `${HEADER}${line("00000000000000000000000001000000:D431", "00000000000000000000000001000000:0BB8", "01")}`,
  );
  const watching = watchTransfers({ proc: root, now: () => at.now });
  const step = (seconds: number, bytes: number) => {
    at.now += seconds * 1000;
    at.received += bytes;
    writeFileSync(
      join(root, "net/dev"),
      `Inter-|   Receive  |  Transmit\n face |bytes\n    lo: 99999999${at.now} 1 0 0 0 0 0 0 99999999 1 0 0 0 0 0 0\n  eth0: ${at.received} 1 0 0 0 0 0 0 ${at.sent} 1 0 0 0 0 0 0\n`,
    );
    watching.look();
    return watching.last();
  };
  return { at, set, step, root };
}

describe("transfers", () => {
  it("are connections from here that move bytes", () => {
    const { at, step } = transfers(SERVED, OUT);
    expect(step(0, 0)).toBeNull();
    expect(step(15, LEAST_BYTES / 2)).toBeNull();
    expect(step(15, LEAST_BYTES / 2)).toBe(at.now);
    expect(step(15, 0)).toBe(at.now);
    const before = at.now;
    expect(step(120, 0)).toBe(before);
  });

  it("are none with what an open tab, heartbeats and health checks move, a connection to a model open", () => {
    const { step } = transfers(SERVED, TAB, OUT);
    // Of ten tabs, and twice of what each moves in a minute.
    for (let minute = 0; minute < 60; minute++) expect(step(60, 10 * 20_000)).toBeNull();
  });

  it("are none without a connection from here: others fetch something, or a program talks with itself", () => {
    const { step } = transfers(SERVED, TAB, TO_LOOPBACK);
    expect(step(0, 0)).toBeNull();
    expect(step(15, 100 * LEAST_BYTES)).toBeNull();
  });

  it("are none of the time that a container was paused", () => {
    const { step } = transfers(SERVED, OUT);
    step(0, 0);
    expect(step(36_000, 2 * LEAST_BYTES)).toBeNull();
  });

  it("are not said where the kernel says nothing", () => {
    const watching = watchTransfers({ proc: join(folder, "nowhere") });
    watching.start();
    expect(watching.last()).toBeUndefined();
  });
});

describe("GET /activity", () => {
  async function start(options: object = {}) {
    const opencode = new Opencode();
    await opencode.start();
    const root = transfers(SERVED).root;
    writeFileSync(join(root, "net/dev"), "a\nb\n");
    const activity = startActivity({
      password: "secret",
      major: 1,
      file: file(),
      port: opencode.port,
      proc: root,
      devices: join(folder, "pts"),
      ...options,
    });
    cleanups.push(() => activity.stop());
    return { opencode, activity };
  }

  it("says times and counts", async () => {
    const { opencode, activity } = await start();
    await expect.poll(() => activity.look().busy).toBe(0);
    const { now, since, lastActivity, ...rest } = activity.look();
    const none = { busy: 0, pending: 0, terminals: 0, chores: 0, logins: 0 };
    expect(rest).toEqual({ ...none, transfer: null, ports: null });
    expect(now).toBeGreaterThanOrEqual(since);
    expect(lastActivity).toBe(0);
    opencode.v1(...status("ses_a", "busy"));
    await expect.poll(() => activity.look().busy).toBe(1);
    expect(activity.look().lastActivity).toBeGreaterThanOrEqual(since);
  });

  it.each([
    ["setup", "running 1", "ended 0"],
    ["workspace", "cloning https://example.com/a.git", "cloned https://example.com/a.git"],
    ["workspace", "cloned 1 of 3, 1 under way", "clone failed (attempt 2): no route; next try in 60 s"],
    ["upgrade", "migrating, 4 of 10 sessions", "upgrade from 1.18.33 failed: no room"],
  ])("counts what the image's scripts do: %s, %s", async (name, underWay, over) => {
    const status = join(mkdtempSync(join(folder, "status-")), "activity.json");
    const { activity } = await start({ file: status });
    writeFileSync(join(status, "..", name), underWay);
    expect(activity.look().chores).toBe(1);
    writeFileSync(join(status, "..", name), over);
    expect(activity.look().chores).toBe(0);
  });

  it("counts what a devcontainer begins each start with, and not for ever a server that it is", async () => {
    const status = join(mkdtempSync(join(folder, "status-")), "activity.json");
    const { activity } = await start({ file: status });
    const began = join(status, "..", "start");
    writeFileSync(began, "running");
    expect(activity.look().chores).toBe(1);
    const before = new Date(Date.now() - 11 * 60_000);
    utimesSync(began, before, before);
    expect(activity.look().chores).toBe(0);
  });

  it("counts a log-in for as long as opencode may wait for it, and no other program that listens", async () => {
    let now = 1_800_000_000_000;
    const proc = transfers(SERVED).root;
    writeFileSync(join(proc, "net/dev"), "a\nb\n");
    const program = join(folder, "opencode");
    writeFileSync(program, "");
    const listen = (...sockets: [port: number, inode: number][]) =>
      writeFileSync(
        join(proc, "net/tcp"),
        [
          "head",
          ...sockets.map(
            ([port, inode]) =>
              `0: 0100007F:${port.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A 0:0 0:0 0 1000 0 ${inode} 1`,
          ),
        ].join("\n"),
      );
    const owner = (pid: number, exe: string, inode: number) => {
      mkdirSync(join(proc, `${pid}/fd`), { recursive: true });
      symlinkSync(exe, join(proc, `${pid}/exe`));
      symlinkSync(`socket:[${inode}]`, join(proc, `${pid}/fd/7`));
    };
    owner(10, realpathSync(program), 77);
    owner(11, "/usr/bin/node", 88);
    const { activity } = await start({ proc, program, now: () => now });
    listen([4096, 1], [3000, 88]);
    expect(activity.look().logins).toBe(0);
    listen([4096, 1], [3000, 88], [1455, 77]);
    expect(activity.look().logins).toBe(1);
    now += 14 * 60_000;
    expect(activity.look().logins).toBe(1);
    listen([4096, 1], [3000, 88]);
    expect(activity.look().logins).toBe(0);
    // A listener that stays.
    listen([19876, 77]);
    expect(activity.look().logins).toBe(1);
    now += 15 * 60_000;
    expect(activity.look().logins).toBe(0);
  });

  it("leaves out what it does not know", async () => {
    const { activity } = await start({ proc: join(folder, "nowhere"), major: undefined });
    const look = JSON.parse(JSON.stringify(activity.look()));
    expect(Object.keys(look).sort()).toEqual(["chores", "logins", "now", "ports", "since"]);
  });

  it("is answered to whoever reaches it, and nothing else is", async () => {
    const { activity } = await start();
    const server = createServer((request, response) => {
      if (!activity.answer(request, response)) response.writeHead(404).end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanups.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}/activity`);
    expect(await answer.json()).toHaveProperty("since");
    for (const [path, method] of [
      ["/activity/", "GET"],
      ["/", "GET"],
      ["/activity", "POST"],
    ] as const)
      expect((await fetch(`http://127.0.0.1:${port}${path}`, { method })).status).toBe(404);
  });

  it("counts a port that was asked for something, and what moves bytes through it, and not what is only open", async () => {
    let now = 1_800_000_000_000;
    const { activity } = await start({ now: () => now });
    const opened = activity.portOpened();
    const ping = Buffer.alloc(6);
    for (let minute = 0; minute < 600; minute++) {
      now += 25_000;
      opened(ping);
    }
    expect(activity.look().ports).toBeNull();
    const moved = activity.portAsked({ method: "GET", headers: {} });
    expect(activity.look().ports).toBe(now);
    const asked = now;
    now += 90_000;
    moved(ping);
    expect(activity.look().ports).toBe(asked);
    moved(Buffer.alloc(4096));
    expect(activity.look().ports).toBe(now);
    now += 90_000;
    opened(Buffer.alloc(2000));
    expect(activity.look().ports).toBe(now);
  });

  it("counts what somebody does at a port, and no question that an open page asks by itself", async () => {
    let now = 1_800_000_000_000;
    const { activity } = await start({ now: () => now });
    const poll = { "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" };
    const ping = { ...poll, "sec-fetch-mode": "no-cors", accept: "text/x-vite-ping" };
    for (const headers of [poll, ping, { ...poll, accept: "text/event-stream" }])
      activity.portAsked({ method: "GET", headers });
    const moved = activity.portAsked({ method: "GET", headers: poll });
    moved(Buffer.alloc(100_000));
    expect(activity.look().ports).toBeNull();
    moved(Buffer.alloc(2 ** 20));
    expect(activity.look().ports).toBe(now);
    for (const asked of [
      { method: "GET", headers: { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" } },
      { method: "GET", headers: { "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" } },
      { method: "POST", headers: poll },
      { method: "GET", headers: {} },
    ]) {
      now += 60_000;
      activity.portAsked(asked);
      expect(activity.look().ports, JSON.stringify(asked)).toBe(now);
    }
    now += 60_000;
    activity.portAsked({ method: "GET", headers: { ...poll, accept: "text/event-stream" } })(
      Buffer.alloc(2000),
    );
    expect(activity.look().ports).toBe(now);
  });
});
