/** The digitalocean stand-in: its requests to the API, its state, and failures of the API. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { checkConfig, configure } from "../../../lab/plugins/digitalocean/client.ts";
import { droplet } from "../../../lab/plugins/digitalocean/droplet.ts";
import { createRequest } from "../../../lab/plugins/digitalocean/dropletSchema.ts";
import {
  request as firewallRequest,
  liveFirewall,
  validate,
} from "../../../lab/plugins/digitalocean/firewall.ts";
import { volume } from "../../../lab/plugins/digitalocean/volume.ts";
import { vpc } from "../../../lab/plugins/digitalocean/vpc.ts";
import { PartlyMade } from "../../../lab/plugins/shared/resource.ts";
import { Rest } from "../../../lab/plugins/shared/rest.ts";
import { type PlainProps, type Props, Secret } from "../../../lab/plugins/shared/values.ts";
import { type CloudApi, changes, context, startCloudApi } from "../../support/plugins-cloud-api.ts";

let api: CloudApi;

beforeAll(async () => {
  api = await startCloudApi();
  const retries = { httpRetryMax: "2", httpRetryWaitMin: "0.01" };
  configure({ apiEndpoint: api.address, token: new Secret("t0ken"), ...retries });
});

afterEach(() => {
  api.asked.length = 0;
});

afterAll(() => api.close());

const ACTIVE = {
  id: 7,
  name: "d",
  status: "active",
  locked: false,
  region: { slug: "fra1" },
  size: { slug: "s-1vcpu-1gb", price_hourly: 0.01, price_monthly: 6 },
  size_slug: "s-1vcpu-1gb",
  features: ["monitoring", "droplet_agent"],
  networks: {
    v4: [
      { type: "private", ip_address: "10.0.0.2" },
      { type: "public", ip_address: "203.0.113.5" },
    ],
    v6: [],
  },
  tags: ["a"],
  volume_ids: [],
  vpc_uuid: "v",
};

const USER_DATA = "#cloud-config\n";
const dropletInputs: Props = {
  name: "d",
  region: "FRA1",
  size: "s-1vcpu-1gb",
  image: "debian-12-x64",
  monitoring: true,
  tags: ["a"],
  sshKeys: ["12", "aa:bb"],
  userData: new Secret(USER_DATA),
  vpcUuid: "v",
};

describe("a droplet", () => {
  test("is created with the official plugin's request, waited for, and stored without its user data", async () => {
    let reads = 0;
    api.answer = (call) => {
      if (call === "POST /v2/droplets") return [202, { droplet: { ...ACTIVE, status: "new" } }];
      return [200, { droplet: ++reads < 2 ? { ...ACTIVE, status: "new", locked: true } : ACTIVE }];
    };
    const { id, state } = await droplet.create(dropletInputs, context);
    expect(api.asked[0]).toEqual({
      call: "POST /v2/droplets",
      authorization: "Bearer t0ken",
      body: {
        name: "d",
        region: "fra1",
        size: "s-1vcpu-1gb",
        image: "debian-12-x64",
        ssh_keys: [12, "aa:bb"],
        backups: false,
        ipv6: false,
        private_networking: false,
        monitoring: true,
        tags: ["a"],
        user_data: USER_DATA,
        vpc_uuid: "v",
      },
    });
    expect(id).toBe("7");
    const digest = createHash("sha1").update(USER_DATA).digest("hex");
    expect(state.userData).toEqual(new Secret(digest));
    expect(state).toMatchObject({
      dropletUrn: "do:droplet:7",
      ipv4Address: "203.0.113.5",
      ipv4AddressPrivate: "10.0.0.2",
      region: "fra1",
      backups: false,
      resizeDisk: true,
    });
    expect(await changes(droplet, state, dropletInputs)).toEqual([]);
    expect(await changes(droplet, state, { ...dropletInputs, userData: "x" })).toEqual(["userData!"]);
    expect((await droplet.read(id, dropletInputs, state, context))?.state).toEqual(state);
  });

  test.each<[Props, string[]]>([
    [{ size: "s-2vcpu-2gb" }, ["size"]],
    [{ name: "e" }, ["name"]],
    [{ backups: true }, ["backups"]],
    [{ tags: ["b"] }, ["tags"]],
    [{ image: "ubuntu-24-04-x64" }, ["image!"]],
    [{ monitoring: false }, ["monitoring!"]],
    [{ vpcUuid: "w" }, ["vpcUuid!"]],
    [{ sshKeys: ["12"] }, ["sshKeys!"]],
    [{ region: "nyc3" }, ["region!"]],
    [{ ipv6: true }, ["ipv6"]],
  ])("with %j changes %j", async (change, expected) => {
    api.answer = () => [200, { droplet: ACTIVE }];
    const { state } = await droplet.create(dropletInputs, context);
    expect(await changes(droplet, state, { ...dropletInputs, ...change })).toEqual(expected);
  });

  test("only loses IPv6 by replacement", async () => {
    expect(await changes(droplet, { ipv6: true, image: "i", size: "s" }, { image: "i", size: "s" })).toEqual([
      "ipv6!",
    ]);
  });

  test("that was created but isn't ready is recorded", async () => {
    api.answer = (call) =>
      call.startsWith("POST") ? [202, { droplet: ACTIVE }] : [200, { droplet: { ...ACTIVE, status: "off" } }];
    const error: unknown = await droplet.create(dropletInputs, context).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PartlyMade);
    expect(error).toMatchObject({ id: "7", state: { dropletUrn: "do:droplet:7" } });
    expect(String(error)).toContain("unexpected state 'off'");
  });

  test("that no longer exists is removed from the state", async () => {
    api.answer = () => [404, { id: "not_found", message: "no" }];
    expect(await droplet.read("7", {}, { name: "d" }, context)).toBeUndefined();
    await droplet.delete("7", {}, context);
    expect(api.asked.map(({ call }) => call)).toEqual(["GET /v2/droplets/7", "GET /v2/droplets/7"]);
  });

  test("sends a numeric image id as a number", () => {
    expect(createRequest({ image: "123", size: "s", name: "n" }).image).toBe(123);
  });
});

describe("a firewall", () => {
  const inputs: PlainProps = {
    name: "f",
    tags: ["t"],
    outboundRules: [
      { protocol: "tcp", portRange: "all", destinationAddresses: ["::/0", "0.0.0.0/0"] },
      { protocol: "icmp", destinationAddresses: ["0.0.0.0/0"] },
    ],
  };

  test("is created with nulls for unset values", () => {
    expect(firewallRequest(inputs)).toEqual({
      name: "f",
      inbound_rules: null,
      outbound_rules: [
        { protocol: "tcp", ports: "all", destinations: { addresses: ["::/0", "0.0.0.0/0"] } },
        { protocol: "icmp", destinations: { addresses: ["0.0.0.0/0"] } },
      ],
      droplet_ids: null,
      tags: ["t"],
    });
  });

  test("is read with the API's 0 for all ports, and for no ports", () => {
    const { properties } = liveFirewall({
      firewall: {
        id: "i",
        outbound_rules: [
          { protocol: "tcp", ports: "0", destinations: { addresses: ["0.0.0.0/0", "::/0"] } },
          { protocol: "icmp", ports: "0", destinations: { addresses: ["0.0.0.0/0"], tags: null } },
        ],
      },
    });
    expect(properties.outboundRules).toEqual([
      { protocol: "tcp", portRange: "all", destinationAddresses: ["0.0.0.0/0", "::/0"] },
      { protocol: "icmp", destinationAddresses: ["0.0.0.0/0"] },
    ]);
  });

  test("requires a rule, and ports in a rule", () => {
    expect(validate({})).toHaveLength(1);
    expect(validate({ inboundRules: [{ protocol: "tcp" }] })).toHaveLength(1);
    expect(validate(inputs)).toEqual([]);
  });
});

test("a volume can grow, never shrink", async () => {
  expect(await changes(volume, { size: 5, name: "v" }, { size: 6, name: "v" })).toEqual(["size"]);
  await expect(changes(volume, { size: 5 }, { size: 4 })).rejects.toThrow("can only be expanded");
});

test("a VPC is deleted once it has no members", async () => {
  let tries = 0;
  api.answer = () => (++tries < 3 ? [403, { id: "forbidden", message: "VPC has members" }] : [204, {}]);
  await vpc.delete("v", {}, context);
  expect(tries).toBe(3);
});

describe("an API that fails", () => {
  const read = (): Promise<unknown> => Promise.resolve(vpc.read("v", {}, { name: "v" }, context));
  const live = { vpc: { id: "v", name: "v", created_at: "2026-01-02T03:04:05Z" } };

  test("temporarily is retried", async () => {
    let tries = 0;
    api.answer = () => {
      tries++;
      if (tries === 1) return [429, { id: "too_many_requests" }, { "Retry-After": "0" }];
      return tries === 2 ? [500, "oops"] : [200, live];
    };
    expect(await read()).toMatchObject({ state: { createdAt: "2026-01-02 03:04:05 +0000 UTC" } });
    expect(tries).toBe(3);
  });

  test("permanently is an error with its message", async () => {
    api.answer = () => [503, { id: "x", message: "maintenance", request_id: "r1" }];
    await expect(read()).rejects.toThrow(
      `Error reading VPC: GET ${api.address}/v2/vpcs/v: 503 (request "r1") maintenance; giving up after 3 attempts`,
    );
  });

  test("with a rejection isn't retried, and no token is shown", async () => {
    api.answer = () => [401, { id: "unauthorized", message: "Unable to authenticate you" }];
    const error: unknown = await read().catch((reason: unknown) => reason);
    expect(String(error)).toContain("401 Unable to authenticate you");
    expect(String(error)).not.toContain("t0ken");
    expect(api.asked).toHaveLength(1);
  });

  test("isn't retried once the operation is aborted", async () => {
    const abort = new AbortController();
    api.answer = () => {
      abort.abort();
      return [500, {}];
    };
    await expect(vpc.read("v", {}, { name: "v" }, { ...context, signal: abort.signal })).rejects.toThrow();
    expect(api.asked).toHaveLength(1);
  });
});

test("an API that never responds times out, without repeating the request", async () => {
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const base = `http://127.0.0.1:${port}`;
  let heard = 0;
  silent.on("request", () => heard++);
  const waits = { retries: 2, waitMinMs: 1, waitMaxMs: 1, timeoutMs: 50 };
  const rest = new Rest({ base, headers: {}, ...waits, passing: () => true, words: () => "" });
  await expect(rest.call("POST", "/x", context.signal, {})).rejects.toThrow(
    `POST ${base}/x: no response within 0.05 s; it may have been carried out`,
  );
  expect(heard).toBe(1);
  await expect(rest.call("GET", "/x", context.signal)).rejects.toThrow("no response within 0.05 s");
  expect(heard).toBe(4);
  silent.closeAllConnections();
  silent.close();
  await expect(rest.call("GET", "/x", context.signal)).rejects.toThrow(/ECONNREFUSED/);
});

test("the configuration is checked", () => {
  expect(checkConfig({ httpRetryMax: "4", token: new Secret("x") })).toEqual([]);
  expect(checkConfig({ httpRetryMax: "many" }).map(({ property }) => property)).toEqual(["httpRetryMax"]);
});
