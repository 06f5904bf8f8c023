import { isIPv4, isIPv6 } from "node:net";

/** Where a project's code comes from. */
export interface RepoSource {
  readonly kind: "https" | "http" | "ssh" | "local";
  /** What `git clone` is given; for a local one the path as written. Never holds a password or token. */
  readonly url: string;
  /** The host it is fetched from; empty for a local path. */
  readonly host: string;
}

/**
 * The host that git's token is for, as askpass compares it: in lower case, without a dot at its end, with a port only if it isn't the scheme's
 * own. `https://GitHub.com:443/` and `https://github.com./` are github.com.
 */
export function tokenHost(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname.replace(/\.$/, "")}${port && `:${port}`}`;
}

/** What git clones: a scheme and a host in upper case are another's to git, which then has no helper for it or asks for another's password. */
export function cloneUrl({ kind, url }: RepoSource): string {
  if (kind !== "https" && kind !== "http") return url;
  return `${kind}://${tokenHost(url)}${url.replace(/^[^:]+:\/\/[^/]*/, "")}`;
}

/** A forge that has a program of its own, gh or glab. */
export type Forge = "github" | "gitlab";

/** Which forge a host is, where its name says so. */
export function forgeOf(host: string): Forge | undefined {
  const name = host.replace(/\.$/, "");
  if (name === "github.com") return "github";
  return name === "gitlab.com" ? "gitlab" : undefined;
}

/** What is wrong with a `repo`, and what to write instead. */
export interface RepoError {
  readonly mistake: string;
  readonly fix: string;
}

const FORMS =
  "write https://host/owner/repo.git, git@host:owner/repo.git, ssh://git@host/owner/repo.git or a local path";
const SCP = /^[A-Za-z0-9_][\w.-]*@([A-Za-z0-9][\w.-]*):(?!\/\/)[^-].*$/;

const refuse = (mistake: string, fix: string): RepoError => ({ mistake, fix });

/** Reads a `repo`. A mistake never quotes what could be a password. */
export function parseRepo(text: string): RepoSource | RepoError {
  const quoted = JSON.stringify(text);
  if (text === "") return refuse("is empty", "use a URL, or remove the key for an empty workspace");
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return parseUrl(text);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\s\u0000-\u001f\u007f]/.test(text)) return refuse(`${quoted} contains whitespace`, FORMS);
  if (/^\.{0,2}\//.test(text) || text === "." || text === "..") return { kind: "local", url: text, host: "" };
  if (text.startsWith("~")) return refuse(`${quoted} starts with ~`, "use an absolute path");
  const scp = SCP.exec(text);
  if (scp?.[1]) return { kind: "ssh", url: text, host: scp[1] };
  if (/^[^/@]+:[^/@]*@/.test(text)) return credentials();
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)+\/[^:]+$/i.test(text))
    return refuse(`${quoted} has no scheme`, `did you mean https://${text}?`);
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)+:[^:-][^:]*$/i.test(text))
    return refuse(`${quoted} has no user`, `did you mean git@${text}?`);
  return refuse(`${quoted} is not a repository URL`, FORMS);
}

function parseUrl(text: string): RepoSource | RepoError {
  const scheme = text.slice(0, text.indexOf(":")).toLowerCase();
  if (!URL.canParse(text)) return refuse("is not a valid URL", FORMS);
  const url = new URL(text);
  if (url.password !== "" || (url.username !== "" && scheme !== "ssh")) return credentials();
  if (scheme === "git")
    return refuse("git:// is neither encrypted nor authenticated", `write https://${text.slice(6)}`);
  if (scheme === "file") return refuse("file:// is not supported", "write the path alone, from /");
  if (scheme !== "https" && scheme !== "http" && scheme !== "ssh")
    return refuse(`${scheme}:// is not supported for cloning`, FORMS);
  if (url.search !== "" || url.hash !== "")
    return refuse(
      "has a query or fragment, where tokens could leak",
      "write the address without it; see git: { auth: token }",
    );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\s\u0000-\u001f\u007f]/.test(text)) return refuse("contains whitespace", "remove it");
  if (!/^[a-z0-9[]/i.test(url.hostname) || url.username.startsWith("-"))
    return refuse(`${JSON.stringify(text)} has no host`, FORMS);
  if (url.pathname.length < 2) return refuse(`${JSON.stringify(text)} has no repository path`, FORMS);
  return { kind: scheme, url: text, host: url.hostname.replace(/^\[|\]$/g, "") };
}

function credentials(): RepoError {
  return refuse(
    "contains credentials, which would end up in logs and git's files",
    "remove them, put the token in a secret and set git: { auth: token, secret: NAME }",
  );
}

/** Whether a host is this machine or an address of a private network, over which a token may go unencrypted. */
export function isPrivateHost(host: string): boolean {
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  if (isIPv4(host)) return /^(127|10)\.|^192\.168\.|^172\.(1[6-9]|2\d|3[01])\.|^169\.254\./.test(host);
  return isIPv6(host) && (host === "::1" || /^(f[cd]|fe[89ab])/i.test(host));
}
