/**
 * Stand-in for Cloudflare: its HTTP API.
 */
import { LEAST_PERMISSIONS } from "./api/permissions.ts";
import { type ApiRequest, serveApi, type TakeFault } from "./server.ts";
import { addIdentityProvider, authDomain, newState, type State } from "./state.ts";

export { LEAST_PERMISSIONS };

export interface CloudflareOptions {
  /** The account's one zone. */
  domain: string;
  /** `<team>.cloudflareaccess.com`. */
  teamName: string;
  /** API tokens, and the permission groups of each. */
  tokens: Record<string, readonly string[]>;
}

export interface Cloudflare {
  /** What `cloudflare:baseUrl` is set to. */
  readonly apiUrl: string;
  readonly accountId: string;
  readonly zoneId: string;
  readonly teamDomain: string;
  /** Requests to the API, oldest first. */
  readonly requests: readonly ApiRequest[];
  /** What there is, to be read, and changed as somebody would in the dashboard. */
  readonly state: State;
  addIdentityProvider: (
    provider: Parameters<typeof addIdentityProvider>[1],
  ) => ReturnType<typeof addIdentityProvider>;
  stop(): Promise<void>;
}

export async function startCloudflare(options: CloudflareOptions): Promise<Cloudflare> {
  const state = newState(options);
  const requests: ApiRequest[] = [];
  const takeFault: TakeFault = () => undefined;
  const server = await serveApi({
    state,
    tokens: options.tokens,
    events: { configured: () => {}, disconnect: () => {} },
    requests,
    takeFault,
  });
  return {
    apiUrl: `http://127.0.0.1:${server.port}/client/v4`,
    accountId: state.account.id,
    zoneId: state.zone.id,
    teamDomain: authDomain(state),
    requests,
    state,
    addIdentityProvider: (provider) => addIdentityProvider(state, provider),
    stop: () => server.close(),
  };
}
