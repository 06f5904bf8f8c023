/**
 * The stand-ins' states match those of the official plugins, so that a stack can switch between both kinds.
 */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { command } from "../../../lab/plugins/command/local.ts";
import { configure } from "../../../lab/plugins/docker/client.ts";
import { container } from "../../../lab/plugins/docker/container.ts";
import { formerDigest, readContext } from "../../../lab/plugins/docker/context.ts";
import { image } from "../../../lab/plugins/docker/image.ts";
import { network } from "../../../lab/plugins/docker/network.ts";
import { remoteImage } from "../../../lab/plugins/docker/remoteImage.ts";
import { id as randomId } from "../../../lab/plugins/random/id.ts";
import { password } from "../../../lab/plugins/random/password.ts";
import type { Context, Resource } from "../../../lab/plugins/shared/resource.ts";
import { type PlainProps, revealProps, Secret } from "../../../lab/plugins/shared/values.ts";
import { privateKey } from "../../../lab/plugins/tls/privateKey.ts";

/** A resource in an official plugin's state; `inspect` is Docker's output for it at the time. */
interface Official {
  readonly id: string;
  readonly inputs: PlainProps;
  readonly outputs: PlainProps;
  readonly inspect?: PlainProps;
}

const { resources } = JSON.parse(readFileSync(new URL("official-states.json", import.meta.url), "utf8")) as {
  resources: Readonly<Record<string, Official>>;
};

function official(name: string): Official {
  const found = resources[name];
  if (found === undefined) throw new Error(`official-states.json has no ${name}`);
  return found;
}

const context: Context = {
  urn: "urn:pulumi:s::p::t::n",
  name: "n",
  signal: new AbortController().signal,
  log: () => {},
  status: () => {},
};

/** Docker's API, read-only. */
const paths: Readonly<Record<string, PlainProps | undefined>> = Object.fromEntries(
  Object.values(resources).flatMap(({ id, inputs, inspect }) => [
    [`/containers/${id}/json`, inspect],
    [`/networks/${id}`, inspect],
    [`/images/${String(inputs.name)}/json`, inspect],
  ]),
);
const BUILT = "kinds/img:1";
let daemon: Server;

beforeAll(async () => {
  daemon = createServer((request, response) => {
    const built = request.url === `/images/${BUILT}/json` ? { Id: "sha256:b" } : undefined;
    const found = built ?? paths[decodeURIComponent(request.url ?? "").replace(/^\/v[\d.]+/, "")];
    response.writeHead(found ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(found ?? { message: "not found" }));
  });
  await new Promise<void>((resolve) => daemon.listen(0, "127.0.0.1", resolve));
  const { port } = daemon.address() as AddressInfo;
  configure({ host: `tcp://127.0.0.1:${port}`, disableDockerDaemonCheck: true });
});
afterAll(() => daemon.close());

/** The state after a refresh by a stand-in. */
async function refreshed(
  resource: Resource,
  { id, inputs }: Official,
  state: PlainProps,
): Promise<PlainProps> {
  const found = await resource.read(id, inputs, state, context);
  if (found === undefined) throw new Error(`${id} was not found`);
  return revealProps(found.state);
}

const onDocker: readonly [string, string, Resource][] = [
  ["a project's container", "a", container],
  ["a stopped project's container", "b", container],
  ["a container on the host's network", "traefik", container],
  ["a container with only an image", "minimal", container],
  ["a network", "network", network],
  ["an image from a registry", "base", remoteImage],
];

describe("a state created by the stand-in equals the official one", () => {
  test.each(onDocker)("of %s", async (_title, name, resource) => {
    const made = official(name);
    expect(await refreshed(resource, made, made.inputs)).toEqual(made.outputs);
  });

  test.each<[string, string, Resource, readonly string[]]>([
    // The official plugin adds the hash itself when it reads a state without one.
    ["a password", "password", password, ["bcryptHash"]],
    ["a random id", "id", randomId, []],
    ["a key pair", "key", privateKey, []],
  ])("of %s, except for the values", async (_title, name, resource, added) => {
    const made = official(name);
    const { state } = await resource.create(made.inputs, context);
    expect([...Object.keys(state), ...added].sort()).toEqual(Object.keys(made.outputs).sort());
  });

  test.each(["file", "plain"])("of a command (%s)", async (name) => {
    const made = official(name);
    const inputs = { ...made.inputs, create: "true" };
    const { state } = await command.create(inputs, context);
    expect(revealProps(state)).toEqual({ ...made.outputs, create: "true" });
  });
});

describe("a state created by the official plugin", () => {
  const delta = { obj: { ps: { command: { arr: {} } } } };

  test.each(onDocker)(
    "keeps its outputs in a refresh by the stand-in: %s",
    async (_title, name, resource) => {
      const made = official(name);
      const state = { ...made.outputs, __meta: '{"schema_version":"2"}', __pulumi_raw_state_delta: delta };
      // With the stand-in's values next to the conversion from the official ones, the official plugin panics.
      expect(await refreshed(resource, made, state)).toEqual({
        ...made.outputs,
        __meta: '{"schema_version":"2"}',
      });
    },
  );

  test.each(onDocker)("is unchanged for the stand-in: %s", async (_title, name, resource) => {
    const { id, inputs, outputs } = official(name);
    const request = { id, oldInputs: inputs, state: outputs, news: inputs, ignore: [] };
    expect((await resource.diff(request)).changes).toEqual([]);
  });

  test("keeps its schema's version, without the conversion, when the stand-in changes it", async () => {
    const { id, outputs, inputs } = official("key");
    const state = { ...outputs, __meta: '{"schema_version":"1"}', __pulumi_raw_state_delta: delta };
    const next = await privateKey.update({ id, state, news: inputs }, context);
    expect(next.__meta).toBe('{"schema_version":"1"}');
    expect(next).not.toHaveProperty("__pulumi_raw_state_delta");
  });
});

test("a state of an earlier stand-in, with the given inputs only, is unchanged before and after a refresh", async () => {
  const { id, inputs, outputs, inspect } = official("a");
  const before = { ...inputs, uploads: new Secret(inputs.uploads ?? []), networkDatas: [], runtime: "runc" };
  const request = { id, oldInputs: inputs, news: inputs, ignore: [] };
  expect((await container.diff({ ...request, state: before })).changes).toEqual([]);
  const found = await container.read(id, inputs, before, context);
  expect(revealProps(found?.state ?? {})).toEqual(outputs);
  expect(found?.state.uploads).toBeInstanceOf(Secret);
  expect((await container.diff({ ...request, state: found?.state ?? {} })).changes).toEqual([]);
  expect(inspect).toBeDefined();
});

test("an image's state of an earlier stand-in is converted to the official form at a refresh", async () => {
  const folder = join(import.meta.dirname, "..", "..", "..", "opencode");
  const dockerfile = join(folder, "Dockerfile");
  const source = readContext(folder, dockerfile);
  const inputs = (contextDigest: string): PlainProps => ({
    imageName: BUILT,
    build: { context: folder, dockerfile, contextDigest },
  });
  const before = inputs(formerDigest(source));
  const state = { imageName: BUILT, dockerfile, __inputs: new Secret(before) };
  const found = await image.read(BUILT, before, state, context);
  expect(found?.inputs).toEqual(inputs(source.digest));
  expect(revealProps(found?.state ?? {})).toEqual({
    imageName: BUILT,
    dockerfile: "Dockerfile",
    __inputs: inputs(source.digest),
  });
});
