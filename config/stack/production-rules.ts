/** Rules of a droplet's settings that need more than one of them. A setting that is wrong by itself hides none of the others' mistakes. */

import type { Problem } from "../errors.ts";
import { show } from "../text/show.ts";
import { isIPv4Network } from "./cidr.ts";
import { setCommand, setSecretCommand, settingKey } from "./commands.ts";
import { LONGEST_LABEL } from "./domains.ts";
import type { PartialSettings, ProductionSettings } from "./production-schema.ts";

/**
 * Every broken rule.
 * @param known the settings that are right by themselves and can be read here
 * @param isSet whether a setting has a value, be it right or readable or not
 */
export function checkProductionRules(
  known: PartialSettings,
  isSet: (key: string) => boolean,
  stack: string,
): Problem[] {
  return [
    ...checkAccessEmails(known, stack),
    ...checkGoogle(isSet, stack),
    ...checkLogin(known, isSet, stack),
    ...checkSshAccess(known, isSet, stack),
    ...checkTunnel(known, isSet, stack),
    ...checkHostnameLabels(known, stack),
  ];
}

function checkAccessEmails({ accessEmails, accessEmailDomains }: PartialSettings, stack: string): Problem[] {
  if (accessEmails?.length !== 0 || accessEmailDomains?.length !== 0) return [];
  const key = settingKey("accessEmailDomains");
  return [
    {
      where: key,
      what: "is empty, and so is accessEmails: nobody could log in",
      fix: `${setCommand(key, "<domain>", stack)} (or ${settingKey("accessEmails")})`,
    },
  ];
}

function checkGoogle(isSet: (key: string) => boolean, stack: string): Problem[] {
  const [id, secret] = [isSet("googleClientId"), isSet("googleClientSecret")];
  if (id === secret) return [];
  const missing = settingKey(id ? "googleClientSecret" : "googleClientId");
  const fix = id
    ? setSecretCommand(missing, stack)
    : setCommand(missing, "<id>.apps.googleusercontent.com", stack);
  return [
    {
      where: missing,
      what: `is missing: ${id ? "googleClientId" : "googleClientSecret"} needs it`,
      fix,
    },
  ];
}

function checkLogin(
  { oneTimePin, identityProviderIds }: PartialSettings,
  isSet: (key: string) => boolean,
  stack: string,
): Problem[] {
  if (oneTimePin !== false || identityProviderIds?.length !== 0) return [];
  if (isSet("googleClientId") || isSet("googleClientSecret")) return [];
  const key = settingKey("oneTimePin");
  const what = "is false, and no other login is configured (googleClientId or identityProviderIds)";
  return [{ where: key, what, fix: setCommand(key, "true", stack) }];
}

/** Whether the first update can reach the droplet at all. */
function checkSshAccess(
  { sshThrough, sshAllow }: PartialSettings,
  isSet: (key: string) => boolean,
  stack: string,
): Problem[] {
  if (sshThrough !== "address" || !sshAllow || sshAllow.some(isIPv4Network)) return [];
  const key = settingKey("sshAllow");
  const problem = sshAllow.length === 0 ? "is empty" : "has no IPv4 address, and the droplet has only IPv4";
  const keys = [...(isSet("sshHostname") ? [] : ["sshHostname"]), "sshThrough"].map(settingKey).join(" and ");
  return [
    {
      where: key,
      what: `${problem}: updates could not reach the droplet`,
      fix: `${setCommand(key, "<your address>", stack)}; once the tunnel exists, ${keys} can route updates through it`,
    },
  ];
}

function checkTunnel(
  { sshThrough }: PartialSettings,
  isSet: (key: string) => boolean,
  stack: string,
): Problem[] {
  if (sshThrough !== "tunnel" || isSet("sshHostname")) return [];
  const key = settingKey("sshHostname");
  return [{ where: key, what: "is missing: sshThrough is tunnel", fix: setCommand(key, "ssh-code", stack) }];
}

function checkHostnameLabels({ panelHostname, sshHostname }: PartialSettings, stack: string): Problem[] {
  if (sshHostname === undefined || sshHostname !== panelHostname) return [];
  const key = settingKey("sshHostname");
  return [
    {
      where: key,
      what: `${show(sshHostname)} is already the panel's hostname`,
      fix: setCommand(key, sshHostname === "ssh-code" ? "<label>" : "ssh-code", stack),
    },
  ];
}

/** What stands before the domain in a project's hostname. */
export const projectLabel = (hostnamePattern: string, project: string): string =>
  hostnamePattern.replace("{name}", project);

/** Hostnames that don't fit: of every project's name alone the pattern itself makes sure. */
export function longHostnames(
  { hostnamePattern }: Pick<ProductionSettings, "hostnamePattern">,
  names: readonly string[],
): Problem[] {
  return names.flatMap((name): Problem[] => {
    const label = projectLabel(hostnamePattern, name);
    if (label.length <= LONGEST_LABEL) return [];
    return [
      {
        where: "projects.yaml",
        what: `the hostname of ${name} would be ${label.length} characters before the domain, of which ${LONGEST_LABEL} are allowed (hostnamePattern is ${show(hostnamePattern)})`,
        fix: "give the port a shorter name",
      },
    ];
  });
}

/** Hostnames of the platform's own that a project, or a port of one, has as well. */
export function hostnameClashes(
  settings: Pick<ProductionSettings, "hostnamePattern" | "panelHostname" | "sshHostname">,
  projects: readonly string[],
  stack: string,
): Problem[] {
  return (["panelHostname", "sshHostname"] as const).flatMap((name): Problem[] => {
    const label = settings[name];
    const project = projects.find((each) => projectLabel(settings.hostnamePattern, each) === label);
    if (label === undefined || project === undefined) return [];
    const key = settingKey(name);
    return [
      {
        where: key,
        what: `${show(label)} is also the hostname of project ${project} (hostnamePattern is ${show(settings.hostnamePattern)})`,
        fix: `rename one of the two: ${setCommand(key, "<label>", stack)}`,
      },
    ];
  });
}
