/** The docker stand-in's pure parts: requests to the daemon, state read back, and changes. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressOf, checkConfig } from "../../../lab/plugins/docker/client.ts";
import { plainLog } from "../../../lab/plugins/docker/containerLogs.ts";
import { liveContainer } from "../../../lab/plugins/docker/containerRead.ts";
import { schema, validate } from "../../../lab/plugins/docker/containerSchema.ts";
import { createOptions, endpointConfig, uploadEntries } from "../../../lab/plugins/docker/containerSpec.ts";
import { formatDuration, parseDuration } from "../../../lab/plugins/docker/duration.ts";
import { diffProps } from "../../../lab/plugins/shared/diff.ts";
import { overlay, type PlainProps } from "../../../lab/plugins/shared/values.ts";

const MEBIBYTE = 1024 * 1024;

/** A container's inputs, and its description by Docker 20.10. */
const asked = {
  name: "c",
  image: "img:1",
  memory: 64,
  memorySwap: 64,
  cpus: "0.5",
  command: ["sleep", "9"],
  capabilities: { adds: ["CAP_CHOWN"], drops: ["ALL"] },
  securityOpts: ["no-new-privileges"],
  labels: [{ label: "l", value: "v" }],
  restart: "unless-stopped",
  init: true,
  readOnly: true,
  healthcheck: { tests: ["CMD", "true"], interval: "1m30s", retries: 2 },
  logDriver: "json-file",
  logOpts: { "max-size": "1m" },
  ulimits: [{ name: "nofile", soft: 10, hard: 20 }],
  volumes: [{ hostPath: "/h", containerPath: "/c", readOnly: true }],
  mounts: [{ type: "tmpfs", target: "/t", tmpfsOptions: { sizeBytes: 4096 } }],
  networksAdvanced: [{ name: "n", aliases: ["a"] }],
} satisfies PlainProps;

const inspected: PlainProps = {
  Id: "0123",
  Name: "/c",
  Image: "sha256:aa",
  Platform: "linux",
  State: { Running: true, ExitCode: 0 },
  Config: {
    Hostname: "0123",
    Cmd: ["sleep", "9"],
    Image: "img:1",
    Healthcheck: { Test: ["CMD", "true"], Interval: 90e9, Retries: 2 },
    Env: ["PATH=/bin"],
    Labels: { l: "v" },
  },
  HostConfig: {
    Memory: 64 * MEBIBYTE,
    MemorySwap: 64 * MEBIBYTE,
    NanoCpus: 5e8,
    CapAdd: ["CAP_CHOWN"],
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges"],
    RestartPolicy: { Name: "unless-stopped", MaximumRetryCount: 0 },
    Init: true,
    ReadonlyRootfs: true,
    LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
    Ulimits: [{ Name: "nofile", Soft: 10, Hard: 20 }],
    Mounts: [{ Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 4096 } }],
    NetworkMode: "bridge",
    IpcMode: "private",
    Runtime: "runc",
    ShmSize: 64 * MEBIBYTE,
  },
  NetworkSettings: { Networks: { n: { IPAddress: "10.0.0.2", IPPrefixLen: 24 } } },
};

function changed(state: PlainProps, news: PlainProps): string[] {
  return diffProps({ schema, state, news }).map(
    ({ property, replace }) => `${property}${replace ? "!" : ""}`,
  );
}

describe("a container", () => {
  const state = overlay(asked, liveContainer(inspected, asked)) as PlainProps;

  test("that matches its inputs is unchanged", () => {
    expect(changed(state, asked)).toEqual([]);
  });

  test.each([
    [{ memory: 96, memorySwap: 96 }, ["memory", "memorySwap"]],
    [{ labels: [{ label: "l", value: "w" }] }, ["labels!"]],
    [{ restart: "always" }, ["restart"]],
    [{ cpus: "1" }, ["cpus!"]],
    [{ image: "img:2" }, ["image!"]],
    [{ mustRun: false, start: false }, ["mustRun", "start"]],
    [{ destroyGraceSeconds: 5 }, ["destroyGraceSeconds"]],
    [{ uploads: [{ file: "/f", content: "x" }] }, ["uploads!"]],
    [{ healthcheck: { tests: ["CMD", "false"] } }, ["healthcheck"]],
    [{ volumes: [] }, ["volumes!"]],
  ])("with %j changes %j", (change, expected) => {
    expect(changed(state, { ...asked, ...change }).sort()).toEqual([...expected].sort());
  });

  test("that stopped despite mustRun shows a change", () => {
    const stopped = { ...inspected, State: { Running: false, ExitCode: 137 } };
    const live = liveContainer(stopped, asked);
    expect(live).toMatchObject({ mustRun: false, exitCode: 137 });
    expect(changed(overlay(asked, live) as PlainProps, asked)).toEqual(["mustRun"]);
    expect(liveContainer(stopped, { ...asked, mustRun: false }).mustRun).toBeUndefined();
  });

  test("with memory but no memorySwap shows a change, as with the official plugin", () => {
    const { memorySwap: _, ...without } = asked;
    expect(changed(overlay(without, liveContainer(inspected, without)) as PlainProps, without)).toEqual([
      "memorySwap",
    ]);
  });

  test("is created with the daemon's request", () => {
    const { HostConfig: host, ...options } = createOptions(asked);
    expect(options).toMatchObject({
      name: "c",
      Image: "img:1",
      Cmd: ["sleep", "9"],
      Labels: { l: "v" },
      Healthcheck: { Test: ["CMD", "true"], Interval: 90e9, Retries: 2 },
      Volumes: { "/c": {} },
    });
    expect(host).toMatchObject({
      Memory: 64 * MEBIBYTE,
      MemorySwap: 64 * MEBIBYTE,
      NanoCpus: 5e8,
      Binds: ["/h:/c:ro"],
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      Mounts: [{ Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 4096 } }],
      NetworkMode: "bridge",
      Init: true,
      ReadonlyRootfs: true,
      RestartPolicy: { Name: "unless-stopped", MaximumRetryCount: 0 },
      Ulimits: [{ Name: "nofile", Soft: 10, Hard: 20 }],
    });
    expect(endpointConfig({ name: "n", aliases: ["a"], ipv4Address: "10.0.0.9" })).toEqual({
      Aliases: ["a"],
      IPAMConfig: { IPv4Address: "10.0.0.9" },
    });
  });

  test("with unlimited swap requests it", () => {
    expect(createOptions({ image: "i", memorySwap: -1 }).HostConfig?.MemorySwap).toBe(-1);
  });

  test("gets its files with mode and owner", () => {
    const [first, second] = uploadEntries([
      { file: "/run/secret", content: "s", permissions: "0600", owner: "1000", group: "1001" },
      { file: "/x", contentBase64: "aGk=", executable: true },
    ]);
    expect(first).toMatchObject({ path: "run/secret", mode: 0o600, uid: 1000, gid: 1001 });
    expect(second).toMatchObject({ path: "x", mode: 0o744, uid: 0, content: Buffer.from("hi") });
  });

  test.each([
    [{ uploads: [{ file: "/f" }] }, "uploads[0]"],
    [{ uploads: [{ file: "/f", content: "a", source: "b" }] }, "uploads[0]"],
    [{ volumes: [{ hostPath: "/h" }] }, "volumes[0]"],
    [{ cpus: "half" }, "cpus"],
  ])("rejects %j", (inputs, property) => {
    expect(validate(inputs).map((failure) => failure.property)).toEqual([property]);
  });
});

test("durations are read and written as Go does", () => {
  expect(["500ms", "90s", "1m30s", "2h", "0"].map(parseDuration)).toEqual([5e8, 90e9, 90e9, 7200e9, 0]);
  expect([0, 5e8, 90e9, 7200e9, 1.5e9].map(formatDuration)).toEqual([
    "0s",
    "500ms",
    "1m30s",
    "2h0m0s",
    "1.5s",
  ]);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e9 }),
      (ms) => parseDuration(formatDuration(ms * 1e6)) === ms * 1e6,
    ),
  );
});

test("a log's chunks are joined without the daemon's headers", () => {
  const piece = (text: string): Buffer =>
    Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)]);
  expect(plainLog(Buffer.concat([piece("a\n"), piece("b\n")]), false)).toBe("a\nb\n");
  expect(plainLog(Buffer.from("tty"), true)).toBe("tty");
});

describe("the provider's configuration", () => {
  test("accepts a socket or a plain TCP address", () => {
    expect(addressOf("unix:///run/d.sock")).toEqual({ socketPath: "/run/d.sock" });
    expect(addressOf("tcp://h:99")).toEqual({ host: "h", port: 99 });
    expect(checkConfig({ host: "unix:///run/d.sock", version: "5.2.0", registryAuth: "[]" })).toEqual([]);
  });

  test.each([
    [{ host: "npipe:////./pipe/x" }, "host"],
    [{ certPath: "/c" }, "certPath"],
    [{ context: "c" }, "context"],
    [{ registryAuth: '[{"address":"r","password":"hunter2"}]' }, "registryAuth"],
    [{ hosst: "x" }, "hosst"],
  ])("rejects %j", (config, property) => {
    const failures = checkConfig(config);
    expect(failures.map((failure) => failure.property)).toEqual([property]);
    expect(JSON.stringify(failures)).not.toContain("hunter2");
  });
});
