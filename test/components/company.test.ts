/** A company's network in what is rendered: containers' variables and files, and the arguments of image builds. */
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { companyArguments, networkArguments } from "../../components/host/build-arguments.ts";
import { imageTag } from "../../components/host/image.ts";
import { companyOf, netrc, npmrc, type ProjectCompany } from "../../components/project/company.ts";
import { localUrls, publicUrls, type Urls } from "../../config/naming/urls.ts";
import { loadProjects } from "../../config/projects/load.ts";
import type { CompanySettings } from "../../config/stack/company/index.ts";

const PROXY = "http://10.1.2.3:3128";
const proxy = { http: PROXY, https: PROXY, no: [".corp"] };
const caBundle = { path: "ca.pem", pem: "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n" };
const urls = localUrls({ port: 4080, localDomain: "localhost" });
const context = new URL("../../opencode", import.meta.url).pathname;

function render(settings: CompanySettings, entry = "{ name: web }", at: Urls = urls, values = {}) {
  const [project] = loadProjects(`projects:\n  - ${entry}\n`, {
    file: "projects.yaml",
    stack: "local",
    hasSecret: () => true,
  });
  if (!project) throw new Error("no entry");
  return companyOf(settings, project, at, values);
}

const textOf = (input: pulumi.Input<string> | undefined) =>
  new Promise<string>((resolve) => pulumi.output(input ?? "").apply(resolve));
const file = (company: ProjectCompany | undefined, path: string) =>
  company?.files.find((each) => each.file === path);

describe("a project's container", () => {
  it("has nothing of it in a stack without", () => {
    expect(render({})).toBeUndefined();
  });

  it("has the proxy, with the platform's own names exempt", () => {
    const exempt = "localhost,127.0.0.1,::1,web,.localhost,.corp";
    expect(render({ proxy })?.variables).toEqual({
      HTTP_PROXY: PROXY,
      http_proxy: PROXY,
      HTTPS_PROXY: PROXY,
      https_proxy: PROXY,
      NO_PROXY: exempt,
      no_proxy: exempt,
      NODE_USE_ENV_PROXY: "1",
    });
  });

  it("has the names of its own hostnames and the panel's exempt on a droplet, and not the company's domain", () => {
    const at = publicUrls({
      domain: "corp.example",
      hostnamePattern: "{name}-code",
      panelHostname: "code",
    });
    expect(render({ proxy }, "{ name: web, ports: [3000] }", at)?.variables.NO_PROXY).toBe(
      "localhost,127.0.0.1,::1,web,web-code.corp.example,web-3000-code.corp.example,code.corp.example,.corp",
    );
  });

  it.each([
    "{ name: web, env: { https_proxy: 'http://own.example:1' } }",
    "{ name: web, secrets: [HTTPS_PROXY] }",
  ])("has the entry's own proxy in place of both forms of the stack's: %s", (entry) => {
    const names = Object.keys(render({ proxy }, entry)?.variables ?? {});
    expect(names).not.toContain("HTTPS_PROXY");
    expect(names).not.toContain("https_proxy");
    expect(names).toContain("HTTP_PROXY");
  });

  it("finds the certificates with every tool", () => {
    const store = "/etc/ssl/certs/ca-certificates.crt";
    expect(render({ caBundle }, "{ name: web, env: { PIP_CERT: /own } }")?.variables).toEqual({
      NODE_EXTRA_CA_CERTS: "/usr/local/share/ca-certificates/opencode-platform.pem",
      SSL_CERT_FILE: store,
      REQUESTS_CA_BUNDLE: store,
      GIT_SSL_CAINFO: store,
      CURL_CA_BUNDLE: store,
      AWS_CA_BUNDLE: store,
      CARGO_HTTP_CAINFO: store,
    });
  });

  it("has the registries in the tools' own files, and secrets in those of the project's user alone", async () => {
    const registries = {
      npm: { url: "https://npm.corp/repo", secret: "NPM_TOKEN", scopes: [] },
      pypi: { url: "https://pypi.corp:8443/simple", secret: "PYPI_TOKEN" },
    };
    const values = { NPM_TOKEN: pulumi.secret("npm-canary"), PYPI_TOKEN: pulumi.secret("pypi-canary\n") };
    const company = render({ registries }, undefined, undefined, values);
    expect(company?.variables).toEqual({
      NPM_CONFIG_GLOBALCONFIG: "/run/opencode/npmrc",
      NETRC: "/run/opencode/netrc",
    });
    expect(await textOf(company?.secretFiles.npmrc)).toBe(
      "registry=https://npm.corp/repo/\n//npm.corp/repo/:_authToken=npm-canary\n",
    );
    expect(await textOf(company?.secretFiles.netrc)).toBe(
      "machine pypi.corp login __token__ password pypi-canary\n",
    );
    expect(() => netrc({ url: "https://pypi.corp/simple" } as never, "a b")).toThrow(/has a blank/);
    for (const name of ["npmrc", "netrc"])
      expect(await pulumi.isSecret(pulumi.output(company?.secretFiles[name])), name).toBe(true);
    const image = readFileSync(`${context}/rootfs/etc/pip.conf`, "utf8");
    expect(file(company, "/etc/pip.conf")).toEqual({
      file: "/etc/pip.conf",
      content: `${image}[global]\nindex-url = https://pypi.corp:8443/simple\n`,
      permissions: "0444",
    });
    expect(file(company, "/etc/uv/uv.toml")?.content).toBe(
      '[[index]]\nurl = "https://pypi.corp:8443/simple"\ndefault = true\n',
    );
    expect(JSON.stringify([company?.variables, company?.files])).not.toContain("canary");
  });

  it("has no file of credentials where none are asked for", () => {
    const registries = {
      npm: { url: "https://npm.corp", scopes: [] },
      pypi: { url: "https://pypi.corp/simple" },
    };
    const company = render({ registries });
    expect(Object.keys(company?.secretFiles ?? {})).toEqual(["npmrc"]);
    expect(company?.variables).not.toHaveProperty("NETRC");
  });
});

describe("npm's settings", () => {
  const npm = { url: "https://npm.corp/repo", scopes: [] };

  it("have a scope's registry alone, and leave the others public", () => {
    expect(npmrc({ ...npm, scopes: ["@team", "@corp"] })).toBe(
      "@team:registry=https://npm.corp/repo/\n@corp:registry=https://npm.corp/repo/\n",
    );
  });

  it("have basic authentication with a user's name", () => {
    const base64 = Buffer.from("ci:pass word").toString("base64");
    expect(npmrc({ ...npm, username: "ci" }, "pass word")).toContain(`//npm.corp/repo/:_auth=${base64}\n`);
  });

  it("quote a token that npm would read as something else", () => {
    const variable = ["$", "{HOME}"].join("");
    expect(npmrc(npm, `a;b#"${variable}`)).toContain(
      `//npm.corp/repo/:_authToken="a;b#\\"\\\\${variable}"\n`,
    );
  });
});

it("netrc is of the host, with the user's name", () => {
  expect(netrc({ url: "https://pypi.corp:8443/simple", username: "ci" }, "x")).toBe(
    "machine pypi.corp login ci password x\n",
  );
});

describe("an image build", () => {
  it("has no argument of it in a stack without", () => {
    expect([companyArguments({}), networkArguments({})]).toEqual([{}, {}]);
  });

  it("has the tag of its certificates and of apt's mirror, and not of the proxy", () => {
    const apt = { url: "https://m/debian", security: "https://m/debian-security" };
    const args = { OPENCODE_VERSION: "1.2.3" };
    const tag = (settings: CompanySettings) => imageTag(context, { ...args, ...companyArguments(settings) });
    expect(tag({ proxy })).toBe(imageTag(context, args));
    expect(new Set([tag({}), tag({ caBundle }), tag({ registries: { apt } })]).size).toBe(3);
    expect(companyArguments({ caBundle, registries: { apt } })).toEqual({
      CA_BUNDLE: caBundle.pem,
      APT_MIRROR: apt.url,
      APT_SECURITY: apt.security,
    });
  });

  it("uses the proxy by the arguments that Docker knows, and registries that ask for nothing", () => {
    const npm = { url: "https://npm.corp", scopes: [] };
    const pypi = { url: "https://pypi.corp/simple" };
    expect(networkArguments({ proxy, caBundle, registries: { npm, pypi } })).toEqual({
      HTTP_PROXY: PROXY,
      http_proxy: PROXY,
      HTTPS_PROXY: PROXY,
      https_proxy: PROXY,
      NO_PROXY: "localhost,127.0.0.1,::1,.corp",
      no_proxy: "localhost,127.0.0.1,::1,.corp",
      NODE_EXTRA_CA_CERTS: "/usr/local/share/ca-certificates/opencode-platform.pem",
      NPM_CONFIG_REGISTRY: npm.url,
      PIP_INDEX_URL: pypi.url,
    });
    const closed = { npm: { ...npm, secret: "A" }, pypi: { ...pypi, secret: "B" } };
    expect(networkArguments({ registries: closed })).toEqual({});
    expect(networkArguments({ registries: { npm: { ...npm, scopes: ["@team"] } } })).toEqual({});
  });

  it("knows each of its arguments, but those that Docker knows itself", () => {
    const dockerfile = readFileSync(`${context}/Dockerfile`, "utf8");
    const registries = {
      npm: { url: "https://n", scopes: [] },
      pypi: { url: "https://p" },
      apt: { url: "https://a", security: "https://s" },
    };
    const settings = { proxy, caBundle, registries };
    const names = Object.keys({ ...companyArguments(settings), ...networkArguments(settings) });
    for (const name of names.filter((each) => !/_proxy$/i.test(each)))
      expect(dockerfile).toMatch(new RegExp(`^ARG ${name}$`, "m"));
    expect(dockerfile).not.toMatch(/^ARG \w+_PROXY/im);
  });
});
