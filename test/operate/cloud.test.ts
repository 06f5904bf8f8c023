import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cloudflare } from "../../operate/clouds/cloudflare.ts";
import { digitalOcean } from "../../operate/clouds/digitalocean.ts";
import { CloudError, cappedRetryAfter } from "../../operate/clouds/http.ts";

const TOKEN = "dop_v1_never-to-be-seen";

/** The server's responses, in order; the last one is repeated. */
type Answer = { status?: number; headers?: Record<string, string>; body?: unknown; hangs?: boolean };
let server: Server;
let url: string;
let asked: string[];
let authorization: string | undefined;
let answer: (request: IncomingMessage) => Answer;

beforeEach(async () => {
  asked = [];
  server = createServer((request: IncomingMessage, response: ServerResponse) => {
    asked.push(`${request.method} ${request.url}`);
    authorization = request.headers.authorization;
    const { status = 200, headers = {}, body = {}, hangs } = answer(request);
    if (hangs) return;
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(status === 204 ? undefined : typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

const waits: number[] = [];
const options = () => ({
  url,
  token: TOKEN,
  wait: async (ms: number) => {
    waits.push(ms);
  },
});
const inTurn = (...answers: Answer[]) => {
  let at = 0;
  return () => answers[Math.min(at++, answers.length - 1)] ?? {};
};
const refusal = (asking: Promise<unknown>): Promise<CloudError> =>
  asking.then(
    () => {
      throw new Error("it was not refused");
    },
    (error: unknown) => {
      expect(error).toBeInstanceOf(CloudError);
      return error as CloudError;
    },
  );
const droplet = (id: number) => ({
  id,
  name: "opencode-prod",
  status: "active",
  created_at: "2026-11-24T12:00:00Z",
  volume_ids: [],
  size_slug: "s-4vcpu-8gb",
  disk: 160,
  tags: ["opencode-prod"],
});

describe("DigitalOcean's API", () => {
  it("is read page by page, with the token as a header", async () => {
    answer = ({ url = "" }) => {
      const page = Number(new URL(url, "http://x").searchParams.get("page"));
      const links = page < 3 ? { pages: { next: "https://api.digitalocean.com/v2/droplets?page=next" } } : {};
      return { body: { droplets: [droplet(page)], links, meta: { total: 3 } } };
    };
    const droplets = await digitalOcean(options()).dropletsTagged("opencode prod");
    expect(droplets.map(({ id }) => id)).toEqual(["1", "2", "3"]);
    expect(asked[0]).toBe("GET /v2/droplets?tag_name=opencode%20prod&per_page=200&page=1");
    expect(authorization).toBe(`Bearer ${TOKEN}`);
  });

  it("reports missing resources, and accepts a removal of one", async () => {
    answer = () => ({ status: 404, body: { id: "not_found", message: "not here" } });
    const api = digitalOcean(options());
    expect(await api.droplet("1")).toBeUndefined();
    expect(await api.volume("1")).toBeUndefined();
    await api.remove("vpc", "1");
    expect(asked.at(-1)).toBe("DELETE /v2/vpcs/1");
  });

  it("reports whether a volume was ever attached", async () => {
    const actions =
      (...types: string[]) =>
      () => ({ body: { actions: types.map((type) => ({ id: 1, type })), links: {} } });
    answer = actions("resize");
    expect(await digitalOcean(options()).wasEverAttached("v")).toBe(false);
    answer = actions("resize", "attach_volume", "detach_volume");
    expect(await digitalOcean(options()).wasEverAttached("v")).toBe(true);
    expect(asked.at(-1)).toBe("GET /v2/volumes/v/actions?per_page=200&page=1");
  });

  it("is retried when it is busy or failing, after the delay it asks for", async () => {
    waits.length = 0;
    answer = inTurn(
      { status: 429, headers: { "retry-after": "7" } },
      { status: 500, body: "<html>" },
      { status: 503 },
      { body: { droplet: droplet(5) } },
    );
    expect(await digitalOcean(options()).droplet("5")).toMatchObject({
      id: "5",
      volumeIds: [],
      size: "s-4vcpu-8gb",
      disk: 160,
    });
    expect(waits).toEqual([7000, 1000, 2000]);
  });

  it("is not retried after a rejection, whose message lacks the token", async () => {
    answer = () => ({
      status: 401,
      body: { id: "unauthorized", message: `Unable to authenticate ${TOKEN}` },
    });
    const error = await refusal(digitalOcean(options()).vpcs());
    expect(error.refusal).toBe("credentials");
    expect(error.message).toBe("DigitalOcean rejected the token (401): Unable to authenticate ***");
    expect(asked).toHaveLength(1);
    answer = () => ({ status: 403, body: { id: "forbidden", message: "missing scope" } });
    const forbidden = await refusal(digitalOcean(options()).firewalls());
    expect(forbidden.message).toBe(
      "DigitalOcean does not allow this token GET /v2/firewalls (403): missing scope",
    );
  });

  it("is unreachable when it hangs or the connection fails, which never counts as `missing`", async () => {
    answer = () => ({ hangs: true });
    const hung = await refusal(digitalOcean({ ...options(), timeoutMs: 1500, retries: 1 }).droplet("1"));
    expect(hung.refusal).toBe("unreachable");
    expect(hung.message).toMatch(/no response within 1.5 s/);
    expect(asked).toHaveLength(2);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const nobody = digitalOcean({ ...options(), retries: 0 });
    expect((await refusal(nobody.volume("1"))).message).toMatch(
      /DigitalOcean is not responding at http.*: ./,
    );
  });

  it("rejects an unexpected response", async () => {
    answer = () => ({ body: "not JSON" });
    expect((await refusal(digitalOcean(options()).droplet("1"))).refusal).toBe("refused");
    answer = () => ({ body: { droplet: { id: 1 } } });
    expect((await refusal(digitalOcean(options()).droplet("1"))).message).toMatch(
      /sent an unexpected response for/,
    );
  });
});

describe("Cloudflare's API", () => {
  const zone = { id: "z", accountId: "a" };

  it("is read page by page, by the number of pages or of items", async () => {
    const page = ({ url = "" }: IncomingMessage) => Number(new URL(url, "http://x").searchParams.get("page"));
    const app = (name: string) => ({
      id: name,
      name,
      created_at: "2026-11-24T12:00:00Z",
      allowed_idps: ["i"],
    });
    answer = (request) => ({
      body: {
        success: true,
        result: [app(`app ${page(request)}`)],
        result_info: { total_count: 120, per_page: 50 },
      },
    });
    const applications = await cloudflare(options()).applications(zone);
    expect(applications.map(({ name }) => name)).toEqual(["app 1", "app 2", "app 3"]);
    expect(applications[0]?.identityProviders).toEqual(["i"]);
    expect(asked[0]).toBe("GET /accounts/a/access/apps?per_page=50&page=1");
    answer = () => ({ body: { success: true, result: null } });
    expect(await cloudflare(options()).policies(zone)).toEqual([]);
  });

  it("says when service tokens end, unless they never do", async () => {
    const token = { name: "ci", created_at: "2026-11-24T12:00:00Z" };
    const ending = { ...token, id: "t1", expires_at: "2027-11-24T12:00:00Z" };
    answer = () => ({ body: { success: true, result: [ending, { ...token, id: "t2", expires_at: null }] } });
    expect(await cloudflare(options()).serviceTokens(zone)).toEqual([
      { id: "t1", name: "ci", createdAt: "2026-11-24T12:00:00Z", expiresAt: "2027-11-24T12:00:00Z" },
      { id: "t2", name: "ci", createdAt: "2026-11-24T12:00:00Z" },
    ]);
    expect(asked[0]).toBe("GET /accounts/a/access/service_tokens?per_page=50&page=1");
  });

  it("finds a zone's account, and records by their comment", async () => {
    answer = () => ({
      body: { success: true, result: [{ id: "z", account: { id: "a" }, name: "example.org" }] },
    });
    expect(await cloudflare(options()).zone("example.org")).toEqual(zone);
    const record = (id: string, comment: string | null) => {
      return { id, name: `${id}.example.org`, comment, created_on: "2026-11-24T12:00:00Z" };
    };
    answer = () => ({
      body: { success: true, result: [record("r", "ours"), record("s", null), record("t", "ours2")] },
    });
    expect(await cloudflare(options()).recordsWithComment(zone, "ours")).toEqual([
      { id: "r", name: "r.example.org", createdAt: "2026-11-24T12:00:00Z" },
    ]);
  });

  it("reports errors with their codes", async () => {
    answer = () => ({
      status: 403,
      body: { success: false, errors: [{ code: 10000, message: "Authentication error" }], result: null },
    });
    const error = await refusal(cloudflare(options()).tunnelsNamed(zone, "n"));
    expect(error.message).toBe(
      "Cloudflare does not allow this token GET /accounts/a/cfd_tunnel (403): Authentication error (10000)",
    );
  });

  it("removes records in the zone and everything else in the account", async () => {
    answer = () => ({ body: { success: true, result: {} } });
    await cloudflare(options()).remove(zone, "DNS record", "1");
    await cloudflare(options()).remove(zone, "Access policy", "2");
    expect(asked).toEqual(["DELETE /zones/z/dns_records/1", "DELETE /accounts/a/access/policies/2"]);
  });
});

describe("Retry-After", () => {
  const headers = (value?: string) => new Headers(value ? { "retry-after": value } : {});
  it.each([
    ["3", 3000],
    ["100000", 90_000],
    ["Tue, 24 Nov 2026 12:00:05 GMT", 5000],
    ["Tue, 24 Nov 2026 11:00:00 GMT", 0],
    ["soon", undefined],
    [undefined, undefined],
  ])("%s is %s ms", (value, ms) => {
    expect(cappedRetryAfter(headers(value), Date.parse("2026-11-24T12:00:00Z"))).toBe(ms);
  });
});
