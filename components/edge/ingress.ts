import type { types } from "@pulumi/cloudflare";

/** A hostname that the tunnel leads to the droplet. */
export interface PublicHostname {
  hostname: string;
  /** What answers on the droplet, e.g. `http://127.0.0.1:4080`. */
  service: string;
  /** Audience tag of the hostname's Access application. */
  audience: string;
}

type Ingress = types.input.ZeroTrustTunnelCloudflaredConfigConfigIngress;

/**
 * The connector's rules: a hostname each, and 404 for the rest. The connector checks Access tokens itself, so that a mistake at the edge
 * opens nothing.
 */
export function ingressRules(teamName: string, hostnames: readonly PublicHostname[]): Ingress[] {
  const rules = hostnames.map(({ hostname, service, audience }) => ({
    hostname,
    service,
    originRequest: { access: { required: true, teamName, audTags: [audience] } },
  }));
  return [...rules, { service: "http_status:404" }];
}

/** The team's name in `<team>.cloudflareaccess.com`. */
export const teamNameOf = (authDomain: string): string => authDomain.replace(/\.cloudflareaccess\.com$/, "");
