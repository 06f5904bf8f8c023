import * as cloudflare from "@pulumi/cloudflare";
import { UserError } from "../../config/errors.ts";
import type { CloudNames } from "../../config/naming/cloud-names.ts";
import { settingKey } from "../../config/stack/settings.ts";
import { teamNameOf } from "./ingress.ts";

/** What there is at Cloudflare before the platform: found by the domain, never made or changed here. */
export interface CloudflareAccount {
  readonly id: string;
  readonly zoneId: string;
  /** The Zero Trust team: `<team>.cloudflareaccess.com` is where people log in. */
  readonly teamName: string;
  /** Id of a one-time PIN provider that is not this stack's. An account can have one only. */
  readonly oneTimePin?: string;
}

/**
 * Looks a domain's account up.
 * @throws UserError when the token sees no such zone, or the account has no Zero Trust team yet.
 */
export async function findAccount(domain: string, cloud: CloudNames): Promise<CloudflareAccount> {
  const zone = await withExplanation(cloudflare.getZone({ filter: { name: domain } }), {
    where: settingKey("domain"),
    what: `Zone ${domain} not found, or the token can't read it`,
    fix: "add the domain to Cloudflare, or give the token the permission Zone Read for it (see docs/deploying.md for all permissions)",
  });
  const accountId = zone.account.id;
  const organization = await withExplanation(cloudflare.getZeroTrustOrganization({ accountId }), {
    where: `Cloudflare account of ${domain}`,
    what: "has no Zero Trust team, or the token can't read it",
    fix: "open Zero Trust once in Cloudflare's dashboard and choose a team name (docs/deploying.md)",
  });
  const providers = await cloudflare.getZeroTrustAccessIdentityProviders({ accountId });
  const pin = providers.results.find(({ type, name }) => type === "onetimepin" && name !== cloud.oneTimePin);
  return {
    id: accountId,
    zoneId: zone.zoneId,
    teamName: teamNameOf(organization.authDomain),
    ...(pin ? { oneTimePin: pin.id } : {}),
  };
}

/** The provider's own words follow ours: a wrong token and a missing zone look alike to it. */
async function withExplanation<T>(
  answer: Promise<T>,
  problem: { where: string; what: string; fix: string },
): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new UserError("cloud", [{ ...problem, what: `${problem.what} (${said.trim()})` }]);
  }
}
