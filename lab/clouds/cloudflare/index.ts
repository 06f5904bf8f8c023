/**
 * Stand-in for Cloudflare: its HTTP API, its edge with Access, and its endpoint for connectors.
 *
 * It has one account with one zone and one Zero Trust team, and rejects what it doesn't cover with a clear
 * error. Not covered, among much else: groups, device posture and other rules than e-mail, domain, everyone,
 * login method and service token; applications for paths or several hostnames; identity providers other than
 * Google and the one-time PIN; records but A, AAAA, CNAME and TXT; caching, and all of the edge's rules and
 * security features; the delay of up to a minute after a revocation or another change.
 */

import { Faults } from "../faults.ts";
import { LEAST_PERMISSIONS, readTokens } from "./api/permissions.ts";
import { type Bypass, bypassTo } from "./edge/bypass.ts";
import { makeCertificates } from "./edge/certificates.ts";
import { type EdgeFetch, edgeFetch, edgeLookup, Visitor } from "./edge/client.ts";
import { Connectors } from "./edge/connectors.ts";
import { Edge } from "./edge/edge.ts";
import { GOOGLE_HOST, Google, type GoogleClient } from "./edge/google.ts";
import { Login } from "./edge/login.ts";
import { type SignOptions, Tokens } from "./edge/tokens.ts";
import { installClient } from "./executable.ts";
import { connectorImage } from "./image.ts";
import { type ApiRequest, serveApi } from "./server.ts";
import { addIdentityProvider, authDomain, type IdentityProvider, newState, type State } from "./state.ts";

export { LEAST_PERMISSIONS, Visitor };

export interface CloudflareOptions {
  /** The account's one zone. */
  domain: string;
  /** As in `<team>.cloudflareaccess.com`. */
  teamName: string;
  /** API tokens and their permission groups (`LEAST_PERMISSIONS`). */
  tokens: Record<string, readonly string[]>;
  /** Address of the edge: the droplets' gateway, or 0.0.0.0 while that is unknown. */
  address?: string;
  /** Default: the real edge's, 443 and 7844. 0 picks a free one. */
  ports?: { https?: number; tunnel?: number };
  /** OAuth clients known to Google's login. */
  google?: readonly GoogleClient[];
}

export interface EdgeInterface {
  /** Its address from this machine. */
  readonly address: string;
  readonly httpsPort: number;
  readonly tunnelPort: number;
  /** `fetch` that sends every host to the edge and trusts its authority. Does not follow redirects. */
  readonly fetch: EdgeFetch;
  /** `lookup` of Node's sockets. */
  readonly lookup: ReturnType<typeof edgeLookup>;
  /** Arguments for Chromium to use the edge for its hosts and trust its certificate. */
  readonly chromiumArguments: readonly string[];
  /** A visitor with cookies who follows redirects. */
  visitor(): Visitor;
  /** The last one-time PIN that was sent to an e-mail address. */
  lastCode(email: string): string | undefined;
  /** Closes the connections of a tunnel's connectors, or of all; they reconnect. */
  drop(tunnelId?: string): void;
  /** The version of its configuration that a tunnel's connectors use, and their error for the last one. */
  applied(tunnelId: string): { version: number; complaint: string | null };
}

export interface Cloudflare {
  /** Value for `cloudflare:baseUrl`. */
  readonly apiUrl: string;
  readonly accountId: string;
  readonly zoneId: string;
  readonly teamDomain: string;
  /** PEM of the authority of the edge's certificates. */
  readonly caFile: string;
  readonly edge: EdgeInterface;
  /**
   * Names that droplets must resolve to the edge, with its address, or `gateway` for an edge that listens on
   * every address. Without the zone's hostnames, which only visitors need.
   */
  readonly hosts: Readonly<Record<string, string>>;
  /** Requests to the API, oldest first. */
  readonly requests: readonly ApiRequest[];
  readonly faults: Faults;
  /** Its state, for tests to read, and to change like a user of the dashboard. */
  readonly state: State;
  /** Adds an identity provider as if it had been there before. */
  addIdentityProvider(provider: Omit<IdentityProvider, "id">): Readonly<IdentityProvider>;
  /**
   * Builds the image `cloudflare/cloudflared:<tag>` of the stand-in connector: an archive like `docker
   * save`'s.
   */
  connectorImage(tag: string): Promise<{ archive: string }>;
  /**
   * Writes the executable `cloudflared` into a directory for PATH: `access ssh` and `access tcp`, to this
   * edge.
   */
  installClient(directory: string): void;
  /** Sends a request to a hostname's connector without Access's check. */
  readonly bypass: Bypass;
  /** Signs a token: valid, expired, forged, or another application's. */
  sign(options: SignOptions): Promise<string>;
  stop(): Promise<void>;
}

/** Every address of this machine. */
const EVERY = "0.0.0.0";
const LOOPBACK = "127.0.0.1";

const EDGE_HOSTS = ["region1.v2.argotunnel.com", "region2.v2.argotunnel.com", GOOGLE_HOST];

/** The stand-in's parts, before anything listens. */
function assemble(options: CloudflareOptions) {
  const permissions = readTokens(options.tokens);
  const state = newState(options);
  const team = authDomain(state);
  const { domain } = options;
  const certificates = makeCertificates([domain, `*.${domain}`, team, ...EDGE_HOSTS], team);
  const connectors = new Connectors(state, certificates);
  const tokens = new Tokens(state, certificates.signing);
  const google = new Google(options.google ?? [], `https://${team}/cdn-cgi/access/callback`);
  const login = new Login(state, tokens, google);
  const edge = new Edge({ state, certificates, connectors, tokens, login, google });
  return { permissions, state, team, certificates, connectors, tokens, login, edge };
}

type Parts = ReturnType<typeof assemble>;

/** Opens the edge's ports. */
async function listen({ edge, connectors }: Parts, { address = LOOPBACK, ports }: CloudflareOptions) {
  const httpsPort = await edge.listen(ports?.https ?? 443, address);
  try {
    const tunnelPort = await connectors.listen(ports?.tunnel ?? 7844, address);
    return { address: address === EVERY ? LOOPBACK : address, httpsPort, tunnelPort };
  } catch (error) {
    await edge.close();
    throw error;
  }
}

function edgeInterface(
  { certificates, connectors, login, team }: Parts,
  at: Awaited<ReturnType<typeof listen>>,
  domain: string,
): EdgeInterface {
  const fetch = edgeFetch({ address: at.address, port: at.httpsPort, ca: certificates.ca });
  const names = [domain, `*.${domain}`, team, GOOGLE_HOST];
  const rules = names.map((name) => `MAP ${name}:443 ${at.address}:${at.httpsPort}`);
  return {
    ...at,
    fetch,
    lookup: edgeLookup(at.address),
    chromiumArguments: [
      `--host-resolver-rules=${rules.join(",")}`,
      `--ignore-certificate-errors-spki-list=${certificates.spki}`,
    ],
    visitor: () => new Visitor(fetch),
    lastCode: (email) => login.codes.get(email.toLowerCase())?.at(-1),
    drop: (tunnelId) => connectors.drop(tunnelId),
    applied: (tunnelId) => connectors.applied(tunnelId),
  };
}

/** Starts everything. */
export async function startCloudflare(options: CloudflareOptions): Promise<Cloudflare> {
  const parts = assemble(options);
  const { state, team, certificates, connectors, tokens, edge } = parts;
  const at = await listen(parts, options).catch((error: unknown) => {
    certificates.remove();
    throw error;
  });
  const [requests, faults]: [ApiRequest[], Faults] = [[], new Faults()];
  const events = {
    configured: connectors.configured.bind(connectors),
    disconnect: ({ id }: { id: string }, client?: string) => connectors.drop(id, client),
  };
  const { address } = at;
  const server = await serveApi({ state, tokens: parts.permissions, events, requests, faults, address });
  const host = options.address === EVERY ? "gateway" : at.address;
  return {
    apiUrl: `http://${address}:${server.port}/client/v4`,
    accountId: state.account.id,
    zoneId: state.zone.id,
    teamDomain: team,
    caFile: certificates.caFile,
    edge: edgeInterface(parts, at, options.domain),
    hosts: Object.fromEntries([team, ...EDGE_HOSTS].map((name) => [name, host])),
    requests,
    faults,
    state,
    addIdentityProvider: (provider) => addIdentityProvider(state, provider),
    connectorImage: (tag) => connectorImage(tag, certificates.ca),
    installClient: (directory) =>
      installClient(directory, { address: at.address, port: at.httpsPort, caFile: certificates.caFile }),
    bypass: bypassTo(connectors, (hostname) => edge.tunnelOf(hostname)),
    sign: (sign) => tokens.sign(sign),
    stop: async () => {
      faults.release();
      await Promise.all([server.close(), edge.close(), connectors.close()]);
      certificates.remove();
    },
  };
}
