/** The setting `proxy`: the company's way to the internet, for containers, image builds and a droplet. */
import type { Problem } from "../../errors.ts";
import { formatDestination } from "../../projects/destinations.ts";
import type { Project } from "../../projects/project.ts";
import { canonical, type IpVersion, versionOf } from "../../text/addresses.ts";
import { show } from "../../text/show.ts";
import { removeCommand, removePathCommand, setPathCommand, settingKey } from "../commands.ts";
import { type Parsed, parseMap, unknownKeys } from "../structured.ts";

/** The setting, typed. At least one of the two URLs is there. */
export interface CompanyProxy {
  /** For http addresses: `http://proxy.example.com:3128`. */
  readonly http?: string;
  /** For https addresses. */
  readonly https?: string;
  /** What is reached without it: hostnames, `.suffix`, addresses and networks. */
  readonly no: readonly string[];
}

/** Where a proxy listens. */
export interface ProxyEndpoint {
  readonly host: string;
  readonly port: number;
  /** Of `host`, where that is an address: else only DNS knows it. */
  readonly version?: IpVersion;
}

const KEYS = ["http", "https", "no"] as const;
const EXAMPLE = "http://proxy.example.com:3128";
/** What no proxy reaches: the container itself. */
const LOOPBACK = ["localhost", "127.0.0.1", "::1"] as const;
const EXEMPT = /^(\*?\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(:\d{1,5})?$|^[0-9A-Fa-f:.]+(\/\d{1,3})?$/;

const at = (key: string): string => settingKey(`proxy.${key}`);
const setPath = (key: string, value: string, stack: string): string => setPathCommand(at(key), value, stack);

/** Reads the setting, which is JSON in Pulumi's config. No credentials that a URL has are quoted. */
export function parseProxy(text: string, stack: string): Parsed<CompanyProxy> {
  const map = parseMap(text);
  if (!map) {
    const what = `${/@/.test(text) ? "its value" : show(text)} is not a map: it has the keys http, https and no`;
    const fix = `${removeCommand(settingKey("proxy"), stack)}, then ${setPath("https", EXAMPLE, stack)}`;
    return { problems: [{ where: settingKey("proxy"), what, fix }] };
  }
  const unknown = unknownKeys(map, KEYS, at, stack);
  const problems: Problem[] = [...unknown];
  const [http, https] = (["http", "https"] as const).map((key) => {
    if (map[key] === undefined) return undefined;
    const read = readUrl(map[key], key, stack);
    if (typeof read === "string") return read;
    problems.push(read);
    return undefined;
  });
  if (map.http === undefined && map.https === undefined && unknown.length === 0)
    problems.push({
      where: settingKey("proxy"),
      what: "names no proxy",
      fix: setPath("https", EXAMPLE, stack),
    });
  const no = readExempt(map.no, stack);
  problems.push(...no.problems);
  if (problems.length > 0) return { problems };
  return { value: { ...(http && { http }), ...(https && { https }), no: no.value ?? [] }, problems };
}

function readUrl(value: unknown, key: string, stack: string): string | Problem {
  const refuse = (what: string, fix = setPath(key, EXAMPLE, stack)): Problem => ({
    where: at(key),
    what,
    fix,
  });
  const text = typeof value === "string" ? value.trim() : "";
  const url = URL.parse(text);
  if (text.includes("@"))
    return refuse(
      "has credentials, which would be in plain text in containers and image builds",
      `${setPath(key, EXAMPLE, stack)}, without them; a project can have its own as a secret: secrets: [${key === "http" ? "HTTP_PROXY" : "HTTPS_PROXY"}]`,
    );
  if (!url || !/^https?:$/.test(url.protocol))
    return refuse(`${show(value)} is not a proxy's URL: ${EXAMPLE}, with its port`);
  if (!/^https?:\/\/(\[[^\]]*\]|[^:/]+):\d+\/?$/i.test(text))
    return refuse(`${show(value)} is not scheme, host and port alone (e.g. ${EXAMPLE})`);
  const { host, version, port } = endpointOf(text);
  if (port === 0) return refuse(`${show(value)} has port 0, on which nothing can listen`);
  if (isLoopback(host))
    return refuse(
      `${show(value)} is on loopback, where each container has only itself`,
      `have the proxy listen on an address of the host, such as that of its bridge docker0, then ${setPath(key, "http://172.17.0.1:3128", stack)}`,
    );
  if (version && /^(169\.254\.|fe[89ab])/.test(host))
    return refuse(`${show(value)} is a link-local address, which no project is allowed to open`);
  return `${url.protocol}//${version === 6 ? `[${host}]` : host}:${endpointOf(text).port}`;
}

function isLoopback(host: string): boolean {
  return /^(localhost|.+\.localhost|127\..*|0\.0\.0\.0|::1?|::ffff:7f.*)$/.test(host);
}

function readExempt(value: unknown, stack: string): Parsed<readonly string[]> {
  const items = typeof value === "string" ? value.split(/[\s,]+/).filter(Boolean) : (value ?? []);
  if (!Array.isArray(items)) {
    const what = `${show(value)} is not a list of hostnames and addresses`;
    return { problems: [{ where: at("no"), what, fix: setPath("no", ".example.com,10.0.0.0/8", stack) }] };
  }
  const problems = items.flatMap((item: unknown): Problem[] => {
    if (item === "*") {
      const what = '"*" would exempt everything, so that there is no proxy';
      return [{ where: at("no"), what, fix: removePathCommand(settingKey("proxy"), stack) }];
    }
    if (typeof item === "string" && EXEMPT.test(item)) return [];
    const what = `${show(item)} is not a hostname, a .suffix, an address or a network`;
    return [{ where: at("no"), what, fix: setPath("no", ".example.com,10.0.0.0/8", stack) }];
  });
  return problems.length > 0 ? { problems } : { value: items as string[], problems };
}

function endpointOf(text: string): ProxyEndpoint {
  const url = new URL(text);
  const bare = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const version = versionOf(bare);
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  return { host: version ? canonical(bare, version) : bare, port, ...(version && { version }) };
}

/** Where a stack's proxies listen, each once. */
export function proxyEndpoints(proxy: CompanyProxy | undefined): ProxyEndpoint[] {
  const urls = [proxy?.http, proxy?.https].filter((url) => url !== undefined);
  const found = new Map(
    urls.map((url) => endpointOf(url)).map((each) => [`${each.host} ${each.port}`, each] as const),
  );
  return [...found.values()];
}

/** What NO_PROXY says: loopback, the platform's own names, and what the setting exempts; each once. @param own names of the platform, and of an entry's services */
export const noProxy = ({ no }: CompanyProxy, own: readonly string[] = []): string =>
  [...new Set([...LOOPBACK, ...own, ...no])].join(",");

/** The variables that programs read a proxy from, in both of their forms. @param own as for `noProxy` */
export function proxyVariables(
  proxy: CompanyProxy | undefined,
  own: readonly string[] = [],
): Record<string, string> {
  if (!proxy) return {};
  const values = { HTTP_PROXY: proxy.http, HTTPS_PROXY: proxy.https, NO_PROXY: noProxy(proxy, own) };
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const, [name.toLowerCase(), value] as const],
    ),
  );
}

/** A proxy with a name may have an address that no packet rule allows: said of the first such project. */
export function proxyWarnings(proxy: CompanyProxy | undefined, projects: readonly Project[]): Problem[] {
  return proxyEndpoints(proxy).flatMap(({ host, port, version }): Problem[] => {
    if (version) return [];
    const closed = projects.filter(
      ({ network, state }) =>
        state === "running" &&
        !network.allow.some((each) => each.kind !== "internet" && (each.port ?? port) === port),
    );
    const [first] = closed;
    if (!first) return [];
    const others = closed.length > 1 ? ` and ${closed.length - 1} more` : "";
    const allow = [...first.network.allow.map(formatDestination), `<its address>/32:${port}`];
    return [
      {
        where: settingKey("proxy"),
        what: `${host} is a name, and packet rules need addresses: if it has a private one, ${first.name}${others} can't reach it`,
        fix: `add it in projects.yaml: network: { allow: [${allow.join(", ")}] }`,
      },
    ];
  });
}
