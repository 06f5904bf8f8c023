/** The filter before Docker's socket: what the gateway and a panel reach, and what people may try. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ASK_STORAGE, makeNames } from "../../../config/naming/names.ts";
import { PROJECT_UIDS, projectUid } from "../../../config/naming/uids.ts";
import { openEngine } from "../../../operate/docker/engine.ts";
import { ASK } from "../../../operate/keeper/client.ts";
import {
  addFilter,
  ask,
  changes,
  KEEPER,
  OTHER,
  OWN,
  PREFIX,
  project,
  raw,
  reached,
  SECRET,
  SERVICE,
  socketOf,
  startFilters,
  stopFilters,
} from "../../support/opencode/filtered-docker.ts";

beforeAll(startFilters);
afterAll(stopFilters);
beforeEach(() => {
  reached.length = 0;
});

describe("for the gateway", () => {
  it.each([
    ["HEAD", "/_ping"],
    ["GET", "/v1.24/version"],
    ["GET", "/v1.24/containers/json?all=1"],
    ["GET", `/v1.24/containers/${OWN}/json`],
    ["GET", `/v1.24/events?filters=${encodeURIComponent('{"type":{"container":true}}')}`],
  ])("lets through %s %s, and no secret in the answer", async (method, path) => {
    const { status, body, headers } = await ask("read", method, path);
    expect(status).toBe(200);
    expect(`${body}${JSON.stringify(headers)}`).not.toContain(SECRET);
  });

  it("says with which version Docker speaks", async () => {
    expect((await ask("read", "GET", "/_ping")).headers["api-version"]).toBe("1.41");
  });

  it("shows what routes are made of", async () => {
    expect(JSON.parse((await ask("read", "GET", `/v1.24/containers/${OWN}/json`)).body)).toMatchObject({
      Id: OWN,
      Name: "/own-project-a",
      State: { Status: "running", Health: { Status: "healthy" } },
      Config: { Labels: project("a") },
      HostConfig: { NetworkMode: "own-network-a" },
      NetworkSettings: { Networks: { n: { IPAddress: "172.20.0.2" } } },
    });
  });

  it("asks for the stack's own containers, whatever was asked for", async () => {
    await ask("read", "GET", "/v1.24/containers/json?all=1");
    await ask("read", "GET", "/v1.24/events");
    const filters = reached.map(({ url }) =>
      JSON.parse(new URL(url, "http://d").searchParams.get("filters") ?? ""),
    );
    expect(filters).toEqual([
      { label: ["dev.opencode-platform.prefix=own"] },
      {
        type: ["container"],
        label: ["dev.opencode-platform.prefix=own"],
        event: ["start", "die", "health_status"],
      },
    ]);
  });

  it.each([
    ["POST", `/containers/${OWN}/start`],
    ["POST", `/containers/${OWN}/exec`],
    ["GET", `/containers/${OWN}/logs?stdout=1`],
    ["GET", `/containers/${OWN}/stats`],
  ])("is read-only: refuses %s %s", async (method, path) => {
    expect((await ask("read", method, path)).status).toBe(403);
    expect(reached).toEqual([]);
  });
});

describe("for both", () => {
  it.each([
    ["GET", "/info"],
    ["GET", "/images/json"],
    ["GET", "/networks"],
    ["GET", "/volumes"],
    ["GET", "/secrets"],
    ["POST", "/containers/create"],
    ["POST", "/build"],
    ["POST", "/commit"],
    ["POST", "/session"],
    ["POST", "/grpc"],
    ["POST", "/images/load"],
    ["POST", "/swarm/init"],
    ["POST", "/plugins/pull"],
    ["DELETE", `/containers/${OWN}`],
    ["PUT", `/containers/${OWN}/archive?path=/`],
    ["GET", `/containers/${OWN}/archive?path=/run/opencode/password`],
    ["GET", `/containers/${OWN}/export`],
    ["GET", `/containers/${OWN}/top`],
    ["POST", `/containers/${OWN}/update`],
    ["POST", `/containers/${OWN}/attach`],
    ["POST", `/containers/${OWN}/attach/ws`],
    ["POST", `/containers/${OWN}/rename?name=x`],
    ["POST", `/containers/${OWN}/kill`],
    ["POST", `/containers/${OWN}/restart`],
    ["HEAD", `/containers/${OWN}/json`],
    ["OPTIONS", "/containers/json"],
    // Other ways to write what is let through, and what Docker's router or a proxy might make of them.
    ["GET", "/containers/json/"],
    ["GET", "//containers/json"],
    ["GET", "/containers//json"],
    ["GET", "/v1.41/../containers/json"],
    ["GET", `/containers/${OWN}/../${OTHER}/json`],
    ["GET", `/containers/..%2f..%2fimages/json`],
    ["GET", `/containers/${OWN}%2fjson`],
    ["GET", `/containers%2f${OWN}/json`],
    ["GET", "/containers/%61/json"],
    ["GET", "/v1.41/v1.41/containers/json"],
    ["GET", "/v2/containers/json"],
    ["GET", "/containers/json;x=1"],
    ["GET", "/containers/json#x"],
    ["GET", "/Containers/json"],
    ["GET", `http://docker/containers/${OWN}/json`],
    ["GET", "/containers/json?filters=nonsense"],
    [
      "GET",
      `/containers/json?filters=${encodeURIComponent('{"label":["dev.opencode-platform.prefix=else"]}')}`,
    ],
    ["GET", `/containers/json?filters=${encodeURIComponent('{"name":["x"]}')}`],
    ["GET", `/containers/json?before=${OTHER}`],
    ["GET", `/events?filters=${encodeURIComponent('{"type":["image"]}')}`],
    ["GET", `/events?filters=${encodeURIComponent('{"event":["exec_create"]}')}`],
    ["GET", "/events?since=0"],
  ])("refuses %s %s with a sentence", async (method, path) => {
    for (const access of ["read", "panel"] as const) {
      const { status, body } = await ask(access, method, path);
      expect(status).toBe(403);
      if (method !== "HEAD") expect(JSON.parse(body).message).toMatch(/^\S.*\.$/);
    }
    expect(reached).toEqual([]);
  });

  it.each([OTHER, OTHER.slice(0, 12), "b", "else-project-a", "nobody"])(
    "knows no container of another stack: %s",
    async (id) => {
      for (const path of [`/containers/${id}/json`, `/v1.41/containers/${id}/json`])
        expect(await ask("read", "GET", path)).toMatchObject({
          status: 404,
          body: expect.not.stringContaining('else"'),
        });
      for (const [method, path] of [
        ["GET", "logs?stdout=1"],
        ["GET", "stats"],
        ["POST", "start"],
        ["POST", "stop"],
      ] as const)
        expect((await ask("panel", method, `/containers/${id}/${path}`)).status).toBe(404);
      expect((await ask("panel", "POST", `/containers/${id}/exec`, { Cmd: ["id"] })).status).toBe(404);
      expect(changes()).toEqual([]);
    },
  );

  it("lets no connection become another", async () => {
    const upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
    for (const head of [
      `POST /exec/e1/start HTTP/1.1\r\nHost: d\r\n${upgrade}Content-Length: 2\r\n\r\n{}`,
      `GET /containers/json HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`,
      "CONNECT docker:80 HTTP/1.1\r\nHost: docker\r\n\r\n",
    ])
      expect(await raw("panel", head)).toMatch(/^HTTP\/1\.1 403 /);
    expect(reached).toEqual([]);
  });

  it("takes what follows a refused request for no other one", async () => {
    const inner = `POST /containers/${OWN}/stop HTTP/1.1\r\nHost: d\r\n\r\n`;
    const answer = await raw(
      "panel",
      `POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
    );
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(reached).toEqual([]);
  });

  it("refuses a request with two lengths", async () => {
    const both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n";
    expect(
      await raw("panel", `POST /containers/${OWN}/stop HTTP/1.1\r\nHost: d\r\n${both}\r\n0\r\n\r\n`),
    ).toMatch(/^HTTP\/1\.1 400 /);
    expect(changes()).toEqual([]);
  });
});

describe("for a panel that runs no updates", () => {
  const engine = openEngine(socketOf("panel"));

  it("is what its own client needs", async () => {
    expect(await engine.ids(PREFIX)).toEqual([OWN]);
    expect(await engine.ids(PREFIX, "a")).toEqual([OWN]);
    expect(await engine.inspect("own-project-a")).toMatchObject({
      Id: OWN,
      State: { Health: { Log: [{}] } },
    });
    expect(await engine.inspect("nobody")).toBeUndefined();
    expect(await engine.start("own-project-a")).toBe(true);
    expect(await engine.stop("own-project-a", 10)).toBe(true);
    expect(await engine.exec("own-project-a", ["echo", "hi"])).toEqual({
      code: 3,
      stdout: "hi\n",
      stderr: "",
    });
    const lines: string[] = [];
    await engine.exec("own-project-a", ["echo", "hi"], 0, (line) => void lines.push(line));
    expect(lines).toEqual(["hi"]);
    const events = await engine.events(PREFIX, AbortSignal.timeout(10_000));
    for await (const event of events) expect(event).toEqual({ id: OWN, action: "start" });
    expect(changes().map(({ method, url }) => `${method} ${url}`)).toEqual([
      `POST /containers/${OWN}/start?`,
      `POST /containers/${OWN}/stop?t=10`,
      ...Array(2)
        .fill([`POST /containers/${OWN}/exec`, "POST /exec/e1/start"])
        .flat(),
    ]);
  });

  it("passes on nothing of a body but a command's words", async () => {
    await ask("panel", "POST", `/containers/${OWN}/start`, { Privileged: true, Binds: ["/:/host"] });
    await ask("panel", "POST", `/containers/${OWN}/exec`, {
      Cmd: ["id"],
      AttachStdout: true,
      Privileged: false,
      User: "",
      abortSignal: {},
    });
    await ask("panel", "POST", "/exec/e1/start", { Detach: false, Tty: false });
    expect(changes().map(({ body }) => body)).toEqual([
      "",
      '{"Cmd":["id"],"AttachStdout":true,"AttachStderr":false}',
      '{"Detach":false,"Tty":false}',
    ]);
  });

  it.each([
    { Cmd: ["id"], Privileged: true },
    { Cmd: ["id"], privileged: true },
    { Cmd: ["id"], User: "0" },
    { Cmd: ["id"], Env: ["LD_PRELOAD=/x"] },
    { Cmd: ["id"], WorkingDir: "/" },
    { Cmd: ["id"], AttachStdin: true },
    { Cmd: ["id"], Tty: true },
    { Cmd: "id" },
    { Cmd: [] },
    { Cmd: [{}] },
    {},
    null,
    [],
  ])("refuses the command %j", async (body) => {
    expect((await ask("panel", "POST", `/containers/${OWN}/exec`, body)).status).toBe(403);
    expect(reached).toEqual([]);
  });

  it("refuses a body that is no JSON, or very long", async () => {
    expect((await ask("panel", "POST", `/containers/${OWN}/exec`, "{")).status).toBe(400);
    const long = { Cmd: ["x".repeat(300_000)] };
    expect((await ask("panel", "POST", `/containers/${OWN}/exec`, long)).status).toBe(413);
    expect(reached).toEqual([]);
  });

  it("starts and reads no command that was not made here", async () => {
    expect((await ask("panel", "POST", "/exec/e2/start", {})).status).toBe(404);
    expect((await ask("panel", "GET", "/exec/e2/json")).status).toBe(404);
    expect(reached).toEqual([]);
  });

  it("runs commands in the containers of projects alone, and asks the keeper its questions", async () => {
    const run = async (id: string, ...Cmd: string[]) =>
      (await ask("panel", "POST", `/containers/${id}/exec`, { Cmd, AttachStdout: true })).status;
    expect(await run(OWN, "id")).toBe(201);
    expect(await run("own-keeper", ASK, "sleep", "a")).toBe(201);
    expect(await run("own-keeper", ASK, "projects")).toBe(201);
    for (const words of [
      ["id"],
      [ASK, "wake", "a", "b"],
      [ASK, "eval"],
      [ASK, "wake", "$(id)"],
      ["sh", "-c", ASK],
    ])
      expect(await run("own-keeper", ...words)).toBe(403);
    expect(await run(KEEPER.slice(0, 8), "id")).toBe(403);
    expect(await run(SERVICE, "id")).toBe(403);
    expect(changes()).toHaveLength(3);
  });

  it("never asks the keeper to hold or park", async () => {
    for (const verb of ["hold", "release", "park", "unpark"])
      expect(
        (await ask("panel", "POST", "/containers/own-keeper/exec", { Cmd: [ASK, verb, "a"] })).status,
      ).toBe(403);
    expect(changes()).toEqual([]);
  });

  describe("asks the storage program", () => {
    const asked = async (
      verb: string,
      argument: unknown,
      container = "own-storage",
      program = ASK_STORAGE,
    ) => {
      const text = typeof argument === "string" ? argument : JSON.stringify(argument);
      const Cmd = [program, verb, text];
      return (await ask("panel", "POST", `/containers/${container}/exec`, { Cmd, AttachStdout: true }))
        .status;
    };
    const [project, into] = ["a", { name: "b", uid: projectUid("b"), gid: 1000 }];

    it.each<[string, object]>([
      ["status", {}],
      ["checkpoint", { project }],
      ["checkpoint", { project, label: "before-7" }],
      ["checkpoint", { project, reason: "before-setup" }],
      ["checkpoints", { project }],
      ["rollback", { project, id: "20261130-031200" }],
      ["drop", { project, id: "before-7" }],
      ["fork", { from: "a", to: "b", uid: into.uid, gid: 1000, withLogins: false }],
      ["backup", { project }],
      ["backup", { project, reason: "removal" }],
      ["backups", { project }],
      ["restore", { project, at: "latest" }],
      ["restore", { project, at: "2026-11-30T03:12:00.000Z", into }],
      ["restore", { project, path: "src/a b.ts" }],
      ["restore", { project, path: "/home/opencode/notes" }],
      ["forget", { project, keepDays: 30 }],
    ])("%s %j", async (verb, argument) => {
      expect(await asked(verb, argument)).toBe(201);
      expect(changes()).toHaveLength(1);
    });

    it.each<[string, unknown]>([
      ["eval", {}],
      ["constructor", {}],
      ["check", {}],
      ["status", { project }],
      ["status", ""],
      ["backup", {}],
      ["backup", { project: "../a" }],
      ["backup", { project: ["a"] }],
      ["backup", [project]],
      ["backups", { project, more: 1 }],
      ["checkpoint", { project, label: "$(id)" }],
      ["rollback", { project }],
      ["rollback", { project, id: "../../b" }],
      ["fork", { from: "a", to: "b", uid: 0, gid: 0, withLogins: false }],
      ["fork", { from: "a", to: ".storage", uid: into.uid, gid: 1000, withLogins: false }],
      ["fork", { from: "a", to: "b", uid: into.uid, gid: 1000 }],
      ["restore", { project, into: { ...into, uid: 1000 } }],
      ["restore", { project, into: { ...into, name: "../b" } }],
      ["restore", { project, path: "/etc/shadow" }],
      ["restore", { project, path: "a/../../b" }],
      ["restore", { project, path: "--target=/" }],
      ["forget", { project, keepDays: 0 }],
    ])("not %s %j", async (verb, argument) => {
      expect(await asked(verb, argument)).toBe(403);
      expect(changes()).toEqual([]);
    });

    it("for users of projects alone, as the platform has them", async () => {
      expect(makeNames(PREFIX).storage).toBe("own-storage");
      const { first, count } = PROJECT_UIDS;
      for (const [uid, status] of [
        [first - 1, 403],
        [first, 201],
        [first + count - 1, 201],
        [first + count, 403],
        [first + 0.5, 403],
      ] as const)
        expect(await asked("restore", { project, into: { ...into, uid } })).toBe(status);
    });

    it("only, and only there", async () => {
      expect(await asked("status", {}, "own-keeper")).toBe(403);
      expect(await asked("status", `${" ".repeat(5000)}{}`)).toBe(403);
      expect(await asked("status", {}, "own-storage", "/bin/sh")).toBe(403);
      for (const Cmd of [[ASK_STORAGE], [ASK_STORAGE, "status", "{}", "x"], [ASK, "projects"]])
        expect((await ask("panel", "POST", "/containers/own-storage/exec", { Cmd })).status).toBe(403);
      expect((await ask("panel", "POST", "/containers/own-storage/stop")).status).toBe(403);
      expect(changes()).toEqual([]);
    });
  });

  it("starts and stops what is a project's alone", async () => {
    for (const what of ["start", "stop", "unpause"]) {
      expect((await ask("panel", "POST", `/containers/${KEEPER}/${what}`)).status).toBe(403);
      expect((await ask("panel", "POST", `/containers/${SERVICE}/${what}`)).status).toBe(204);
    }
  });

  it.each(["stop?signal=9", "stop?t=1;id", "stop?t=-1", "start?checkpoint=x", "start?detachKeys=a"])(
    "refuses %s",
    async (path) => {
      expect((await ask("panel", "POST", `/containers/${OWN}/${path}`)).status).toBe(403);
      expect(changes()).toEqual([]);
    },
  );

  it("says so when Docker does not answer", async () => {
    await addFilter(socketOf("alone"), socketOf("nobody"), "panel");
    await expect(openEngine(socketOf("alone")).ids(PREFIX)).rejects.toThrow(
      "Docker does not answer the platform's keeper.",
    );
  });
});
