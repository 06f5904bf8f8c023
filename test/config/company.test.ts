/** Settings of stacks in a company's network. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkSources } from "../../config/check.ts";
import { UserError } from "../../config/errors.ts";
import { examineProjects } from "../../config/projects/load.ts";
import { parseCaBundle } from "../../config/stack/company/ca-bundle.ts";
import { noProxy, proxyEndpoints, proxyVariables } from "../../config/stack/company/proxy.ts";
import { registrySecrets } from "../../config/stack/company/registries.ts";
import { parseSettings } from "../../config/stack/settings.ts";
import { makeAuthority } from "../../lab/company/authority.ts";
import { complaints } from "../support/complaints.ts";

const PROXY = "http://10.1.2.3:3128";
const key = (name: string) => `opencode-platform:${name}`;
const set = (path: string, value: string) => `npm run pulumi -- config set --path '${key(path)}' ${value}`;
const settings = (raw: Record<string, unknown>, files: Record<string, string> = {}) =>
  parseSettings(
    Object.fromEntries(
      Object.entries(raw).map(([name, value]) => [
        name,
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    ),
    {
      stack: "local",
      tokens: { digitalocean: false, cloudflare: false },
      readFile: (path) => files[path],
    },
  );
const said = (raw: Record<string, unknown>, files?: Record<string, string>) =>
  complaints(() => settings(raw, files));

describe("without them", () => {
  it("nothing is there", () => {
    for (const name of ["proxy", "caBundle", "registries"]) expect(settings({})).not.toHaveProperty(name);
    expect([proxyVariables(undefined), proxyEndpoints(undefined), registrySecrets()]).toEqual([{}, [], []]);
  });
});

describe("proxy", () => {
  it("is read, with or without a final slash, and its names as a list or a text", () => {
    expect(
      settings({ proxy: { http: `${PROXY}/`, https: "HTTP://Proxy.Example:80", no: "a.b, .c 10.0.0.0/8" } })
        .proxy,
    ).toEqual({ http: PROXY, https: "http://proxy.example:80", no: ["a.b", ".c", "10.0.0.0/8"] });
    expect(
      settings({ proxy: { https: "https://[FD00:0::1]:443", no: ["fd00::/8", "*.x.y"] } }).proxy,
    ).toEqual({
      https: "https://[fd00::1]:443",
      no: ["fd00::/8", "*.x.y"],
    });
  });

  it("is refused in one sentence, with what to do", () => {
    const loopback = (shown: string) =>
      `${key("proxy.https")}: "${shown}" is on loopback, where each container has only itself — have the proxy listen on an address of the host, such as that of its bridge docker0, then ${set("proxy.https", "http://172.17.0.1:3128")}`;
    const example = (part: string) => set(`proxy.${part}`, "http://proxy.example.com:3128");
    const cases: [unknown, string][] = [
      [{ https: "http://127.0.0.1:3128" }, loopback("http://127.0.0.1:3128")],
      [{ https: "http://localhost:3128" }, loopback("http://localhost:3128")],
      [{ https: "http://[::1]:3128" }, loopback("http://[::1]:3128")],
      [
        { https: "http://169.254.1.1:80" },
        `${key("proxy.https")}: "http://169.254.1.1:80" is a link-local address, which no project is allowed to open — ${example("https")}`,
      ],
      [
        { https: "http://proxy.example" },
        `${key("proxy.https")}: "http://proxy.example" is not scheme, host and port alone (e.g. http://proxy.example.com:3128) — ${example("https")}`,
      ],
      [
        { http: "http://proxy.example:3128/pac" },
        `${key("proxy.http")}: "http://proxy.example:3128/pac" is not scheme, host and port alone (e.g. http://proxy.example.com:3128) — ${example("http")}`,
      ],
      [
        { http: "socks5://proxy.example:1080" },
        `${key("proxy.http")}: "socks5://proxy.example:1080" is not a proxy's URL: http://proxy.example.com:3128, with its port — ${example("http")}`,
      ],
      [
        { http: "proxy.example:3128" },
        `${key("proxy.http")}: "proxy.example:3128" is not a proxy's URL: http://proxy.example.com:3128, with its port — ${example("http")}`,
      ],
      [
        { http: 3128 },
        `${key("proxy.http")}: 3128 is not a proxy's URL: http://proxy.example.com:3128, with its port — ${example("http")}`,
      ],
      [
        { htps: PROXY },
        `${key("proxy.htps")}: is not a key here; did you mean https? — npm run pulumi -- config rm --path '${key("proxy.htps")}'`,
      ],
      [{ no: ["x"] }, `${key("proxy")}: names no proxy — ${example("https")}`],
      [
        PROXY,
        `${key("proxy")}: "${PROXY}" is not a map: it has the keys http, https and no — npm run pulumi -- config rm ${key("proxy")}, then ${example("https")}`,
      ],
      [
        { http: PROXY, no: ["http://x"] },
        `${key("proxy.no")}: "http://x" is not a hostname, a .suffix, an address or a network — ${set("proxy.no", ".example.com,10.0.0.0/8")}`,
      ],
      [
        { http: PROXY, no: "*" },
        `${key("proxy.no")}: "*" would exempt everything, so that there is no proxy — npm run pulumi -- config rm --path '${key("proxy")}'`,
      ],
      [
        { http: PROXY, no: { a: 1 } },
        `${key("proxy.no")}: a map is not a list of hostnames and addresses — ${set("proxy.no", ".example.com,10.0.0.0/8")}`,
      ],
    ];
    for (const [proxy, message] of cases) expect(said({ proxy })).toEqual([message]);
  });

  it.each([{ https: "http://ann:hunter2@10.1.2.3:3128" }, "http://ann:hunter2@10.1.2.3:3128"])(
    "with credentials is refused without them in the message: %j",
    (proxy) => {
      const message = said({ proxy }).join("\n");
      expect(message).not.toBe("");
      expect(message).not.toContain("hunter2");
    },
  );

  it("with credentials says where they can be", () => {
    expect(said({ proxy: { https: "http://ann:hunter2@10.1.2.3:3128" } })).toEqual([
      `${key("proxy.https")}: has credentials, which would be in plain text in containers and image builds — ${set("proxy.https", "http://proxy.example.com:3128")}, without them; a project can have its own as a secret: secrets: [HTTPS_PROXY]`,
    ]);
  });

  it("is in variables of both forms, with loopback, own names and the setting's exempt, each once", () => {
    const proxy = { https: PROXY, no: [".corp", "localhost"] };
    const exempt = "localhost,127.0.0.1,::1,web,.corp";
    expect(noProxy(proxy, ["web"])).toBe(exempt);
    expect(proxyVariables(proxy, ["web"])).toEqual({
      HTTPS_PROXY: PROXY,
      https_proxy: PROXY,
      NO_PROXY: exempt,
      no_proxy: exempt,
    });
  });

  it("has endpoints, each once", () => {
    expect(proxyEndpoints({ http: PROXY, https: PROXY, no: [] })).toEqual([
      { host: "10.1.2.3", port: 3128, version: 4 },
    ]);
    expect(proxyEndpoints({ http: "http://p.example:80", https: "https://[fd00::1]:443", no: [] })).toEqual([
      { host: "p.example", port: 80 },
      { host: "fd00::1", port: 443, version: 6 },
    ]);
  });
});

const authority = makeAuthority("Corp Root");
const other = makeAuthority("Corp Second");
const expired = makeAuthority("Corp Old", -1);

describe("caBundle", () => {
  const read = (text: string | undefined) => {
    const { value, problems } = parseCaBundle("ca.pem", () => text, "local");
    return value ? value.pem : problems.map(({ what, fix }) => `${what} — ${fix}`).join("\n");
  };

  it("is the certificates of the file, each once, whatever stands between them", () => {
    const both = authority.ca + other.ca;
    expect(read(`# Corp\r\n${authority.ca.replaceAll("\n", "\r\n")}\nsubject=x\n${both}`)).toBe(both);
    expect(settings({ caBundle: "pki/ca.pem" }, { "pki/ca.pem": both }).caBundle).toEqual({
      path: "pki/ca.pem",
      pem: both,
    });
  });

  it("takes one that has expired beside one that has not", () => {
    expect(read(expired.ca + authority.ca)).toBe(expired.ca + authority.ca);
  });

  it("is refused in one sentence", () => {
    const { cert, key: privateKey } = authority.issue("git.corp.example");
    const date = new Date(Date.now() - 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
    expect(read(undefined)).toBe(
      `is not a file that can be read below the checkout — put it there, or npm run pulumi -- config rm ${key("caBundle")}`,
    );
    expect(read(authority.ca + privateKey)).toBe(
      "has a private key, which would be in every image — leave only certificates in it; if it was committed, replace the key",
    );
    expect(read("0\x82")).toMatch(/^has no certificate in PEM .* — convert it: openssl x509 /);
    expect(read(authority.ca.replace(/M\w{20}/, "AAAA"))).toBe(
      "its certificate 1 of 1 can't be read — copy it again from where it was issued",
    );
    expect(read(expired.ca)).toBe(
      `all of its certificates have expired: "CN=Corp Old" on ${date} — replace them by the ones that are in use`,
    );
    expect(read(cert)).toBe(
      '"CN=git.corp.example" is not the certificate of an authority — put there the one that issued it: "CN=Corp Root"',
    );
  });

  it("is refused where it is too large for a build", () => {
    const filler = (n: number) => makeAuthority(`Corp ${n} ${"x".repeat(40)}`).ca;
    const one = filler(0).length;
    const few = Array.from({ length: 3 }, (_, n) => filler(n)).join("");
    const { problems } = parseCaBundle("ca.pem", () => few, "local", Date.now(), one);
    expect(problems.map(({ what }) => what)).toEqual([
      expect.stringMatching(/^has 3 certificates in \d+ KiB, of which [\d.]+ are taken$/),
    ]);
  });

  it("names the file in what is wrong with it, a directory among it", () => {
    expect(said({ caBundle: "pki" })).toEqual([
      expect.stringMatching(/^opencode-platform:caBundle \(pki\): is not a file that can be read /),
    ]);
    const inDirectory = parseCaBundle("/tmp", (path) => readFileSync(path, "utf8"), "local");
    expect(inDirectory.problems).toHaveLength(1);
    expect(said({ caBundle: "a\nb" })).toEqual([`${key("caBundle")}: is not a file's path`]);
  });

  it("is not read by who has no files", () => {
    expect(parseSettings({ caBundle: "ca.pem" })).not.toHaveProperty("caBundle");
  });
});

describe("registries", () => {
  const NPM = "https://npm.corp.example/repo";

  it("are URLs or maps", () => {
    expect(
      settings({
        registries: {
          npm: { url: `${NPM}/`, secret: "NPM_TOKEN", username: "ci", scopes: ["@team", "@corp"] },
          pypi: "https://pypi.corp.example/simple/",
          apt: "https://mirror.corp.example/debian/",
        },
      }).registries,
    ).toEqual({
      npm: { url: NPM, secret: "NPM_TOKEN", username: "ci", scopes: ["@team", "@corp"] },
      pypi: { url: "https://pypi.corp.example/simple" },
      apt: {
        url: "https://mirror.corp.example/debian",
        security: "https://mirror.corp.example/debian-security",
      },
    });
    expect(
      settings({ registries: { npm: NPM, apt: { url: "http://a/debian", security: "http://b/sec" } } })
        .registries,
    ).toEqual({ npm: { url: NPM, scopes: [] }, apt: { url: "http://a/debian", security: "http://b/sec" } });
  });

  it("are refused in one sentence, with what to do", () => {
    const cases: [unknown, string][] = [
      [
        { nmp: NPM },
        `${key("registries.nmp")}: is not a key here; did you mean npm? — npm run pulumi -- config rm --path '${key("registries.nmp")}'`,
      ],
      [
        { npm: { url: NPM, token: "x" } },
        `${key("registries.npm.token")}: is not a key here; there are url, secret, username, scopes — npm run pulumi -- config rm --path '${key("registries.npm.token")}'`,
      ],
      [
        { npm: { secret: "T" } },
        `${key("registries.npm.url")}: is missing — ${set("registries.npm.url", "https://npm.example.com/")}`,
      ],
      [
        { pypi: "pypi.corp.example" },
        `${key("registries.pypi")}: "pypi.corp.example" is not the URL of a registry (e.g. https://pypi.example.com/simple) — ${set("registries.pypi", "https://pypi.example.com/simple")}`,
      ],
      [
        { apt: { url: "https://a/debian", secret: "T" } },
        `${key("registries.apt.secret")}: is not a key here; there are url, security — npm run pulumi -- config rm --path '${key("registries.apt.secret")}'`,
      ],
      [
        { npm: { url: "http://npm.corp.example", secret: "T" } },
        `${key("registries.npm.url")}: is not encrypted, and the secret would be sent to it — ${set("registries.npm.url", "https://npm.corp.example")}`,
      ],
      [
        { npm: { url: NPM, username: "ci" } },
        `${key("registries.npm.username")}: has no secret with its password — ${set("registries.npm.secret", "NPM_TOKEN")}`,
      ],
      [
        { npm: { url: NPM, scopes: ["team"] } },
        `${key("registries.npm.scopes")}: "team" is not a scope of npm (e.g. @team) — ${set("registries.npm.scopes[0]", "@team")}`,
      ],
      [
        NPM,
        `${key("registries")}: "${NPM}" is not a map: it has the keys npm, pypi, apt — npm run pulumi -- config rm --path '${key("registries")}', then ${set("registries.npm", "https://npm.example.com/")}`,
      ],
    ];
    for (const [registries, message] of cases) expect(said({ registries })).toEqual([message]);
  });

  it("never show what may be a secret", () => {
    const canary = "npm_hunter2Canary";
    for (const registries of [
      { npm: `https://ann:${canary}@npm.corp.example/` },
      { apt: `https://${canary}@mirror.corp.example/debian` },
      { npm: { url: NPM, secret: canary } },
      `https://ann:${canary}@npm.corp.example/`,
    ]) {
      const messages = said({ registries });
      expect(messages).toHaveLength(1);
      expect(messages[0]).not.toContain(canary);
    }
  });
});

describe("with projects", () => {
  const check = (raw: Record<string, unknown>, projects: string, has: readonly string[] = []) =>
    checkSources({
      stack: "local",
      settings: () => settings(raw),
      projects: (context) => examineProjects(`projects:\n${projects}`, { ...context, file: "projects.yaml" }),
      hasSecret: (project, name) => has.includes(`${project}/${name}`),
    });
  const two = "  - { name: web }\n  - { name: shop, network: { allow: [internet, 10.0.0.9/32:3128] } }\n";
  const warnings = (proxy: object, projects = two) => check({ proxy }, projects).warnings;

  it("a proxy by name is a warning, where its address may be closed", () => {
    const named = { https: "http://proxy.corp:3128" };
    expect(warnings(named)).toEqual([
      {
        where: key("proxy"),
        what: "proxy.corp is a name, and packet rules need addresses: if it has a private one, web can't reach it",
        fix: "add it in projects.yaml: network: { allow: [internet, <its address>/32:3128] }",
      },
    ]);
    expect(warnings(named, "  - { name: web, state: stopped }\n")).toEqual([]);
    expect(warnings(named, '  - { name: web, network: { allow: ["host:3128"] } }\n')).toEqual([]);
    expect(warnings(named, "  - { name: a }\n  - { name: b }\n")[0]?.what).toContain("a and 1 more can't");
    expect(warnings({ https: PROXY })).toEqual([]);
  });

  it("a registry's secret needs a value that each has", () => {
    const registries = { npm: { url: "https://npm.corp.example", secret: "NPM_TOKEN" } };
    expect(() => check({ registries }, two, ["web/NPM_TOKEN"])).toThrow(
      new UserError("config", [
        {
          where: key("registries.npm.secret"),
          what: "NPM_TOKEN has no value for shop",
          fix: "set one: npm run pulumi -- config set --secret secrets:NPM_TOKEN",
        },
      ]),
    );
    check({ registries }, two, ["web/NPM_TOKEN", "shop/NPM_TOKEN"]);
  });
});
