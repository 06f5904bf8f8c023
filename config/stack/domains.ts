/** Names on the internet: domains, single labels of them, and e-mail addresses. */
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { getDomain } from "tldts";
import * as z from "zod";
import { show } from "../text/show.ts";
import type { ParseError } from "./reading.ts";

/** What a name in the DNS may be: RFC 1035's limits. A label of ours, of up to 63 characters, still has to fit before a domain. */
export const LONGEST_LABEL = 63;
const LONGEST_DOMAIN = 253 - LONGEST_LABEL - 1;

const LABEL = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;

/** Domains under which anybody gets an address, and which large providers have once per country. */
const PUBLIC_EMAIL_DOMAINS: ReadonlySet<string> = new Set(
  (
    "gmail.com googlemail.com live.com msn.com icloud.com me.com mac.com aol.com ymail.com rocketmail.com proton.me protonmail.com protonmail.ch pm.me " +
    "mail.com mail.ru bk.ru inbox.ru list.ru rambler.ru qq.com foxmail.com 163.com 126.com sina.com naver.com daum.net zoho.com zohomail.com fastmail.com " +
    "fastmail.fm hey.com tutanota.com tuta.io tuta.com tutamail.com web.de t-online.de freenet.de posteo.de mailbox.org arcor.de orange.fr laposte.net " +
    "free.fr wanadoo.fr sfr.fr libero.it virgilio.it wp.pl o2.pl onet.pl interia.pl seznam.cz bluewin.ch comcast.net verizon.net att.net mailinator.com " +
    "yopmail.com guerrillamail.com duck.com"
  ).split(" "),
);
const PUBLIC_EMAIL_PER_COUNTRY = /^(yahoo|hotmail|outlook|gmx|yandex)(\.[a-z]{2,3}){1,2}$/;

/** A domain of one's own: lower case, ASCII, with a dot, no public suffix. */
export function parseDomain(text: string): string | ParseError {
  const mistake = domainError(text);
  if (!mistake) return text;
  const guess = guessDomain(text);
  return { mistake, ...(guess !== undefined && !domainError(guess) && { instead: guess }) };
}

/** A domain all of whose addresses are the team's. */
export function parseEmailDomain(text: string): string | ParseError {
  const domain = parseDomain(text.replace(/^@/, "").toLowerCase());
  if (typeof domain !== "string") return domain;
  if (PUBLIC_EMAIL_DOMAINS.has(domain) || PUBLIC_EMAIL_PER_COUNTRY.test(domain))
    return {
      mistake: `${show(domain)} is a public e-mail provider and would admit anyone: list people in accessEmails instead`,
    };
  return domain;
}

/** An e-mail address, in lower case, as Access compares it. */
export function parseEmail(text: string): string | ParseError {
  const lower = text.toLowerCase();
  if (z.regexes.email.test(lower)) return lower;
  const [, inner = ""] = /^(?:mailto:)?<?([^<>]+)>?$/.exec(lower) ?? [];
  if (z.regexes.email.test(inner))
    return { mistake: `${show(text)} is more than an e-mail address`, instead: inner };
  if (typeof parseDomain(lower.replace(/^@/, "")) === "string")
    return { mistake: `${show(text)} is a domain: use accessEmailDomains to admit a whole domain` };
  return { mistake: `${show(text)} is not an e-mail address (e.g. dev@example.com)` };
}

/** What stands before the domain: one label, since Cloudflare's certificate is for one level below it. */
export function parseHostnameLabel(text: string): string | ParseError {
  if (text.includes(".")) {
    const [first = ""] = text.toLowerCase().split(".");
    const mistake = `${show(text)} contains a dot: it must be a single label, because the certificate covers one level below the domain`;
    return { mistake, ...(isLabel(first) && { instead: first }) };
  }
  if (isLabel(text)) return text;
  const lower = text.toLowerCase();
  return {
    mistake: `${show(text)} is not a hostname label: at most ${LONGEST_LABEL} lower-case letters, digits and hyphens, not starting or ending with a hyphen`,
    ...(isLabel(lower) && { instead: lower }),
  };
}

const isLabel = (text: string): boolean =>
  text.length <= LONGEST_LABEL && LABEL.test(text) && !text.startsWith("xn--");

/** A label with `{name}` in it, that still is one when the longest of names stands there. */
export function hostnamePatternParser(longestName: number) {
  return (text: string): string | ParseError => {
    const parts = text.split("{name}");
    if (parts.length !== 2) {
      const often = parts.length === 1 ? "does not contain {name}" : "contains {name} more than once";
      return {
        mistake: `${show(text)} ${often}, which stands for the project's name`,
        instead: "{name}-code",
      };
    }
    const room = LONGEST_LABEL - longestName;
    if (parts.join("").length > room)
      return {
        mistake: `${show(text)} is too long for a project name of ${longestName} characters: at most ${room} other characters`,
      };
    const label = parseHostnameLabel(parts.join("a"));
    return typeof label === "string"
      ? text
      : { mistake: label.mistake.replace(/^"(?:[^"\\]|\\.)*"/, show(text)) };
  };
}

function domainError(text: string): string | undefined {
  const found = show(text);
  if (text === "") return "is empty";
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || text.includes("/")) return `${found} is a URL, not a domain`;
  if (text.includes("@")) return `${found} is an e-mail address, not a domain`;
  if (isIP(text.replace(/^\[|\]$/g, ""))) return `${found} is an IP address, not a domain`;
  if (text.endsWith(".")) return `${found} ends with a dot`;
  if (text.startsWith("*.")) return `${found} contains a wildcard`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is looked for
  if (!/^[\x00-\x7f]*$/.test(text)) return `${found} is not in punycode (xn--…)`;
  if (/[A-Z]/.test(text)) return `${found} contains upper-case letters`;
  if (!text.includes(".")) return `${found} is not a domain: it has no dot (e.g. example.com)`;
  if (text.length > LONGEST_DOMAIN)
    return `${found} is too long to add a label: ${LONGEST_DOMAIN} characters at most`;
  if (
    !text.split(".").every((label) => label.length <= LONGEST_LABEL && LABEL.test(label)) ||
    /\.\d+$/.test(text)
  )
    return `${found} is not a domain: letters, digits and hyphens, with dots between (e.g. example.com)`;
  if (getDomain(text, { allowPrivateDomains: true }) === null)
    return `${found} is a public suffix: use your own domain`;
  return undefined;
}

/** The most likely domain behind a URL, an address or another form of one. */
function guessDomain(text: string): string | undefined {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text.replace(/^.*@/, "")}`;
  if (!URL.canParse(url)) return undefined;
  return domainToASCII(new URL(url).hostname.replace(/^\*\./, "").replace(/\.$/, "")) || undefined;
}
