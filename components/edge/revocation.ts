import { extname, join, relative } from "node:path";
import type * as cloudflare from "@pulumi/cloudflare";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { AccessList } from "../../config/projects/members.ts";
import { RELAY_PORT } from "../../config/projects/ports.ts";
import { cloudAddress } from "../../config/stack/stand-ins.ts";
import { CLOUD_TOKENS } from "../../config/stack/tokens.ts";
import { shellQuote } from "../../config/text/shell.ts";
import { SERVER_PORT } from "../../opencode/api/index.ts";
import type { Host } from "../host/host.ts";
import type { CloudflareAccount } from "./account.ts";

/** The input of `commands/revoke.ts`, as JSON on its standard input. */
export interface Revocation {
  readonly api: string;
  readonly account: string;
  readonly application: string;
  /** Addresses, `@domain`s, and `service token <id>`, that may pass. */
  readonly admitted: readonly string[];
  /** Shell command that cuts the open connections. */
  readonly cut?: string;
}

export interface RevocationArgs {
  application: cloudflare.ZeroTrustAccessApplication;
  /** The people's policy and who is in it; nothing is revoked where an application is for machines alone. */
  policy?: cloudflare.ZeroTrustAccessPolicy;
  admitted?: AccessList;
  /** The service token that passes too, and its policy. */
  machines?:
    | {
        readonly policy: cloudflare.ZeroTrustAccessPolicy;
        readonly token: cloudflare.ZeroTrustAccessServiceToken;
      }
    | undefined;
  account: CloudflareAccount;
  host: Host;
  /** Shell command for the host that cuts the application's open connections. */
  cut?: string | undefined;
}

/** Where Cloudflare's API is, unless the provider is configured otherwise. */
const API = "https://api.cloudflare.com/client/v4";

/** Run by the plugin, which the engine starts in the program's folder; the path is the same on every machine that deploys. */
const REVOKE = `node_modules/.bin/node ${relative(
  process.cwd(),
  join(import.meta.dirname, `commands/revoke${extname(import.meta.filename)}`),
)}`;

/**
 * Has everybody's sessions of an application end when somebody, or the service token, is taken off, since a token passes until it expires whatever the policy says by
 * then; and what is open already is cut. Whoever may still pass gets a new token without a question. It follows the policy, so that nobody
 * comes back in between.
 */
export function revokeRemovedMembers(
  name: string,
  { account, application, policy, admitted, machines, host, cut }: RevocationArgs,
  opts: pulumi.CustomResourceOptions,
): void {
  if (!policy || !admitted) return;
  const token = new pulumi.Config("cloudflare").getSecret("apiToken");
  const run = {
    api: cloudAddress("cloudflare", pulumi.runtime.allConfig(), process.env) ?? API,
    account: account.id,
    ...(cut ? { cut: host.remote(cut) } : {}),
  };
  const people = [...admitted.emails, ...admitted.domains.map((domain) => `@${domain}`)];
  const tokens = machines ? [pulumi.interpolate`service token ${machines.token.id}`] : [];
  const stdin = pulumi
    .all([application.id, pulumi.all(tokens)])
    .apply(([application, tokens]) =>
      JSON.stringify({ ...run, admitted: [...people, ...tokens], application } satisfies Revocation),
    );
  new command.local.Command(
    name,
    {
      create: REVOKE,
      update: REVOKE,
      stdin,
      // Else the plugin passes on whatever token the machine that deploys has in its environment, as the provider's does.
      ...(token ? { environment: { [CLOUD_TOKENS.cloudflare.variables[0]]: token } } : {}),
      logging: "none",
    },
    pulumi.mergeOptions(opts, { dependsOn: [application, policy, ...(machines ? [machines.policy] : [])] }),
  );
}

/**
 * A script for the host: cuts what the gateway has open to a container, which itself goes on. Where the kernel can't do that, the connector
 * is started anew, through which all of it comes.
 */
export function disconnectCommand(container: string, connector: string): string {
  const address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
  return `to=$(docker inspect -f '${address}' ${shellQuote(container)} 2> /dev/null)
[ -n "$to" ] || exit 0
open() { ss -Htn state established dst "$to" '( dport = :${SERVER_PORT} or dport = :${RELAY_PORT} )' | while read -r _ _ from _; do echo "$from"; done; }
before=$(open)
ss -K dst "$to" '( dport = :${SERVER_PORT} or dport = :${RELAY_PORT} )' > /dev/null 2>&1
for from in $before; do
  if open | grep -qxF "$from"; then
    exec docker restart -t 5 ${shellQuote(connector)} > /dev/null
  fi
done`;
}
