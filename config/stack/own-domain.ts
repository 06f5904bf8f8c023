/** What is allowed, and better otherwise: hostnames of projects in the zone of a company's other sites. */
import { getDomain } from "tldts";
import type { Problem } from "../errors.ts";
import { setCommand, settingKey } from "./commands.ts";
import type { ProductionSettings } from "./production-schema.ts";

const zoneOf = (domain: string): string | null => getDomain(domain, { allowPrivateDomains: true });

/**
 * Warnings of a domain that people have e-mail addresses in: the only sign here that it is the company's main one. A page of a project is
 * the same site as all others below it, and its scripts can set cookies for them.
 */
export function sharedDomainWarnings(
  settings: Pick<ProductionSettings, "domain" | "accessEmails" | "accessEmailDomains">,
  stack: string,
): Problem[] {
  const { domain, accessEmails, accessEmailDomains } = settings;
  const mail = [
    ...accessEmailDomains,
    ...accessEmails.map((email) => email.slice(email.lastIndexOf("@") + 1)),
  ];
  const shared = mail.find((each) => zoneOf(each) === zoneOf(domain));
  if (shared === undefined) return [];
  const key = settingKey("domain");
  return [
    {
      where: key,
      what: `${domain} looks like your company's main domain, since people have addresses at ${shared}: a project's page can set cookies for every other site below it, and counts as the same site`,
      fix: `better a domain of the platform's own (docs/deploying.md): ${setCommand(key, "<domain>", stack)}`,
    },
  ];
}
