import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { orphans, type ProcessInfo } from "../../operate/engine/leftovers.ts";
import { halfMade, parseDeployment, withoutPending } from "../../operate/state/checkpoint.ts";
import { describeLock, lockStatus, parseLock } from "../../operate/state/lock.ts";
import { removeTornFiles } from "../../operate/state/torn-files.ts";

const LOCK =
  '{"pid":18904,"username":"alice","hostname":"laptop","timestamp":"2026-11-24T19:11:09.161055275Z"}';

describe("the lock of the file backend", () => {
  it("is parsed in the CLI's form", () => {
    const lock = parseLock("a.json", LOCK);
    expect(lock).toMatchObject({ file: "a.json", pid: 18904, username: "alice", hostname: "laptop" });
    expect(lock && describeLock(lock)).toBe("process 18904 of alice@laptop, since 2026-11-24 19:11:09");
  });

  it.each(["", "{", "null", "[]", '{"pid":"1","hostname":"a"}', '{"pid":1}'])(
    "is not parsed from %j",
    (text) => {
      expect(parseLock("a.json", text)).toBeUndefined();
    },
  );

  it("is stale only if its process has ended on this machine", () => {
    const lock = { pid: 7, hostname: "here" };
    expect(lockStatus(lock, "here", () => false)).toBe("stale");
    expect(lockStatus(lock, "here", () => true)).toBe("held");
    expect(lockStatus(lock, "there", () => false)).toBe("elsewhere");
  });

  it("is not held by another process with the same id", () => {
    expect(lockStatus({ pid: process.pid, hostname: "here" }, "here")).toBe("stale");
  });
});

const resource = (type: string, name: string) => ({
  urn: `urn:${name}`,
  type,
  inputs: { name },
  outputs: { name },
});
const CONTAINER = "docker:index/container:Container";
const NETWORK = "docker:index/network:Network";

function checkpoint(pending: unknown[], resources: unknown[] = []) {
  return { version: 3, checkpoint: { latest: { resources, pending_operations: pending } } };
}

describe("files of an engine that was killed while writing", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "scripts-heal-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("are removed, and nothing else", () => {
    const stacks = join(folder, ".pulumi", "stacks", "p");
    mkdirSync(stacks, { recursive: true });
    const write = (name: string, text: string) => writeFileSync(join(stacks, name), text);
    write("local.json", "{}");
    write("local.json.attrs", "");
    write("local.json.18eb2a.tmp", "{");
    write("local.json.bak", "{}");
    write("local.json.bak.attrs", "{}");
    write("local2.json.attrs", "");
    removeTornFiles(folder, "p", "local");
    expect(readdirSync(stacks).sort()).toEqual([
      "local.json",
      "local.json.bak",
      "local.json.bak.attrs",
      "local2.json.attrs",
    ]);
  });

  it("do not exist without a stack", () => {
    expect(() => removeTornFiles(folder, "p", "local")).not.toThrow();
  });
});

describe("unfinished resources of an interrupted update", () => {
  it("are those that were being created in Docker and are not in the state", () => {
    const deployment = parseDeployment(
      checkpoint(
        [
          { type: "creating", resource: resource(CONTAINER, "a") },
          { type: "creating", resource: resource(NETWORK, "n") },
          { type: "updating", resource: resource(CONTAINER, "b") },
          { type: "creating", resource: resource(CONTAINER, "known") },
          { type: "creating", resource: resource("random:index/randomPassword:RandomPassword", "p") },
        ],
        [resource(CONTAINER, "known")],
      ),
    );
    expect(halfMade(deployment)).toEqual([
      { kind: "container", name: "a" },
      { kind: "network", name: "n" },
    ]);
  });

  it("are skipped if the name is secret or unknown", () => {
    const secret = { type: CONTAINER, urn: "u", inputs: { name: { ciphertext: "x" } } };
    expect(halfMade(parseDeployment(checkpoint([{ type: "creating", resource: secret }])))).toEqual([]);
  });

  it.each([undefined, null, 1, {}, { checkpoint: null }, { deployment: { resources: 1 } }])(
    "do not exist in %j",
    (value) => {
      expect(halfMade(parseDeployment(value))).toEqual([]);
    },
  );

  it("are removed from an exported state, and nothing else", () => {
    const exported = {
      version: 3,
      deployment: { manifest: { time: "t" }, resources: [1], pending_operations: [2] },
    };
    expect(withoutPending(exported)).toEqual({
      version: 3,
      deployment: { manifest: { time: "t" }, resources: [1] },
    });
  });
});

describe("orphans", () => {
  const process = (pid: number, parent: number, name: string, commandLine = name): ProcessInfo => {
    return { pid, parent, name, commandLine, ofCheckout: true };
  };

  it("are plugins of this checkout without a running engine above them", () => {
    const all = [
      process(10, 1, "pulumi"),
      process(11, 10, "pulumi-language-nodejs"),
      process(12, 11, "node", "node /x/node_modules/@pulumi/pulumi/cmd/run/index.js"),
      process(20, 1, "sh", "sh /x/plugins/pulumi-resource-docker 127.0.0.1:1"),
      process(30, 1, "node", "node editor.js"),
      { ...process(40, 1, "pulumi-resource-docker"), ofCheckout: false },
    ];
    expect(orphans(all).map(({ pid }) => pid)).toEqual([20]);
  });
});
