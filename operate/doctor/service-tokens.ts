/** When the service tokens end by which machines pass Access. */
import { DAY_MS, isoDay } from "../../config/text/days.ts";
import type { ServiceToken } from "../clouds/cloudflare.ts";
import { STATE_TYPES } from "../clouds/stray-rules.ts";
import { type Deployment, plainValue } from "../state/checkpoint.ts";
import { type Finding, type FixCommands, failed, note, ok } from "./finding.ts";

/** Days before its end from which a token is worth a note: whoever holds it has to plan for a new one. */
export const TOKEN_WARNING_DAYS = 30;

/**
 * Checks the stack's own tokens. What counts is Cloudflare's answer, because the dashboard can extend a token without an update.
 * @param tokens those of the account
 */
export function serviceTokenFindings(
  tokens: readonly ServiceToken[],
  { resources }: Deployment,
  commands: Pick<FixCommands, "apply" | "pulumi">,
  now: Date,
): Finding[] {
  const byId = new Map(tokens.map((token) => [token.id, token]));
  return resources
    .filter(({ type, isDoomed }) => type === STATE_TYPES["Access service token"] && !isDoomed)
    .map(({ urn, id, outputs }) => {
      const token = byId.get(String(plainValue(id)));
      const name = token?.name ?? String(plainValue(outputs.name));
      if (!token) return failed(`service token: "${name}" no longer exists`, commands.apply);
      const replace = commands.pulumi(`up --replace '**::${urn.split("::").at(-1)}'`);
      return expiryFinding(token, replace, now);
    });
}

function expiryFinding({ name, expiresAt }: ServiceToken, replace: string, now: Date): Finding {
  const text = `service token: "${name}"`;
  const end = Date.parse(expiresAt ?? "");
  if (Number.isNaN(end)) return note(`${text} never expires`, replace);
  const day = isoDay(end);
  const days = Math.floor((end - now.getTime()) / DAY_MS);
  const renew = `${replace}, then give the new one to its machines`;
  if (end <= now.getTime()) return failed(`${text} expired on ${day}`, renew);
  if (days >= TOKEN_WARNING_DAYS) return ok(`${text} is valid until ${day}`);
  const extend = "extend it with Refresh, in Zero Trust → Access → Service credentials";
  return note(`${text} expires on ${day}, in ${days} days`, `${extend}; or a new one: ${renew}`);
}
