import { createHmac } from "node:crypto";
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { type AccessOptions, accessAuthentication } from "../../../panel/server/access/identity.ts";
import { HttpProblem } from "../../../panel/server/api/problem.ts";
import { World } from "../../support/panel/api-world.ts";

const ISSUER = "https://acme.cloudflareaccess.com";
const AUDIENCE = "panel-audience";
const SETTINGS = { team: "acme", audience: AUDIENCE, admins: () => ["ann@example.com"] };

interface Key {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

let [first, second]: Key[] = [];

async function makeKey(kid: string): Promise<Key> {
  return { kid, ...(await generateKeyPair("RS256", { extractable: true })) };
}

beforeAll(async () => {
  [first, second] = [await makeKey("first"), await makeKey("second")];
});

interface Claims extends JWTPayload {
  email?: string;
}

const sign = (claims: Claims = {}, key: Key = first as Key) => {
  const { iss = ISSUER, aud = AUDIENCE, exp = 3600, ...more } = claims;
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ email: "Ben@Example.com", ...more, iss, aud, iat: now - 60, exp: now + exp })
    .setProtectedHeader({ alg: "RS256", kid: key.kid })
    .sign(key.privateKey);
};

/** Access's key server. */
class KeyServer {
  keys: Key[];
  asked = 0;
  answer: (() => Response) | undefined;

  constructor(...keys: Key[]) {
    this.keys = keys;
  }

  readonly fetch: NonNullable<AccessOptions["fetch"]> = async (url) => {
    expect(url).toBe(`${ISSUER}/cdn-cgi/access/certs`);
    this.asked++;
    if (this.answer) return this.answer();
    const keys = this.keys.map(async ({ kid, publicKey }) => ({
      ...(await exportJWK(publicKey)),
      kid,
      alg: "RS256",
    }));
    return Response.json({ keys: await Promise.all(keys) });
  };
}

function access(server = new KeyServer(first as Key), options: AccessOptions = {}) {
  const identify = accessAuthentication(SETTINGS, { fetch: server.fetch, ...options });
  return (token?: string) => identify((name) => (name === "Cf-Access-Jwt-Assertion" ? token : undefined));
}

async function statusOf(work: Promise<unknown>): Promise<number> {
  try {
    await work;
    return 200;
  } catch (error) {
    if (error instanceof HttpProblem) return error.status;
    throw error;
  }
}

const base64 = (value: object | string) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

describe("an Access token", () => {
  it("identifies a person, in lower case, and whether they are an admin", async () => {
    const who = access();
    expect(await who(await sign())).toMatchObject({ email: "ben@example.com", kind: "person", admin: false });
    expect(await who(await sign({ email: "ANN@example.com" }))).toMatchObject({ admin: true });
  });

  it("of a service identifies a machine, which is never an admin", async () => {
    const token = await sign({ email: undefined, common_name: "ann@example.com" });
    expect(await access()(token)).toMatchObject({ email: "ann@example.com", kind: "machine", admin: false });
  });

  it.each<[string, () => Promise<string | undefined>]>([
    ["none", async () => undefined],
    ["an empty one", async () => ""],
    ["not a token", async () => "abc"],
    ["another application's", () => sign({ aud: "project-audience" })],
    ["another team's", () => sign({ iss: "https://evil.cloudflareaccess.com" })],
    ["one that has expired", () => sign({ exp: -60 })],
    ["one without an address or name", () => sign({ email: undefined })],
    ["one with an invalid address", () => sign({ email: "ann" })],
    ["one of another key under a known id", () => sign({}, { ...(second as Key), kid: "first" })],
    ["one of an unknown key", () => sign({}, second as Key)],
    [
      "one that was changed",
      async () => {
        const [head, , signature] = (await sign()).split(".");
        const now = Math.floor(Date.now() / 1000);
        const payload = { iss: ISSUER, aud: AUDIENCE, iat: now, exp: now + 60, email: "ann@example.com" };
        return [head, base64(payload), signature].join(".");
      },
    ],
    [
      "one that is not signed",
      async () => {
        const [, payload] = (await sign({ email: "ann@example.com" })).split(".");
        return `${base64({ alg: "none", kid: "first" })}.${payload}.`;
      },
    ],
    [
      "one signed with the public key as a password",
      async () => {
        const [, payload] = (await sign({ email: "ann@example.com" })).split(".");
        const head = base64({ alg: "HS256", kid: "first" });
        const secret = await exportSPKI((first as Key).publicKey);
        const signature = createHmac("sha256", secret).update(`${head}.${payload}`).digest("base64url");
        return `${head}.${payload}.${signature}`;
      },
    ],
    [
      "one without an expiry",
      async () =>
        new SignJWT({ email: "ann@example.com", iss: ISSUER, aud: AUDIENCE, iat: 1 })
          .setProtectedHeader({ alg: "RS256", kid: "first" })
          .sign((first as Key).privateKey),
    ],
  ])("is refused: %s", async (_, token) => {
    expect(await statusOf(access()(await token()))).toBe(401);
  });
});

describe("Access's keys", () => {
  it("are fetched once, and again for an unknown key", async () => {
    const server = new KeyServer(first as Key);
    const who = access(server, { cooldown: 0 });
    for (let i = 0; i < 3; i++) await who(await sign());
    expect(server.asked).toBe(1);
    server.keys = [first as Key, second as Key];
    expect(await who(await sign({}, second))).toMatchObject({ email: "ben@example.com" });
    expect(server.asked).toBe(2);
  });

  it("are not fetched again within the cooldown", async () => {
    const server = new KeyServer(first as Key);
    const who = access(server);
    for (let i = 0; i < 5; i++) expect(await statusOf(who(await sign({}, second)))).toBe(401);
    expect(server.asked).toBe(1);
  });

  it.each([
    ["cannot be reached", () => Promise.reject(new TypeError("fetch failed")) as never],
    ["answers an error", () => new Response("", { status: 502 })],
    ["answers no keys", () => new Response("<html>")],
  ])("answer 503 if the server %s", async (_, answer) => {
    const server = new KeyServer(first as Key);
    server.answer = answer;
    expect(await statusOf(access(server)(await sign()))).toBe(503);
  });

  it("are cached for a day while the server is unreachable", async () => {
    const server = new KeyServer(first as Key);
    let now = Date.now();
    const who = access(server, { cooldown: 0, freshMs: 0, now: () => now });
    await who(await sign());
    server.answer = () => new Response("", { status: 500 });
    expect(await statusOf(who(await sign()))).toBe(200);
    expect(await statusOf(who(await sign({}, second)))).toBe(503);
    expect(await statusOf(who(await sign({}, { ...(second as Key), kid: "first" })))).toBe(401);
    now += 25 * 3_600_000;
    expect(await statusOf(who(await sign({ exp: 48 * 3600 })))).toBe(503);
  });
});

describe("a panel behind Access", () => {
  it("refuses requests without a token, and logs them", async () => {
    const identify = accessAuthentication(SETTINGS, { fetch: new KeyServer(first as Key).fetch });
    const world = new World({ identify });
    const refused = await world.ask("POST", "/api/projects", { body: { name: "mine" } });
    expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([
      401,
      expect.stringContaining("Bearer"),
    ]);
    expect(world.operations.requests).toEqual([]);
    expect(world.acts).toMatchObject([
      { who: { email: "", kind: "unknown" }, outcome: "refused", status: 401 },
    ]);
    for (const path of ["/", "/api/projects", "/api/openapi.json", "/api/health", "/api/projects/events"])
      expect((await world.ask("GET", path)).status).toBe(401);
    expect((await world.ask("GET", "/ping")).status).toBe(200);
    const headers = { "cf-access-jwt-assertion": await sign({ email: "ann@example.com" }) };
    expect((await world.ask("POST", "/api/projects", { body: { name: "mine" }, headers })).status).toBe(202);
  });
});
