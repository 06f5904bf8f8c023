import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerFlags, gatewayFile, gatewayScript, pluginMount } from "../../components/proxy/answers.ts";
import { asleepRoutes } from "../../components/proxy/asleep.ts";
import { traefikFlags } from "../../components/proxy/proxy.ts";
import { makeNames } from "../../config/naming/names.ts";
import { localUrls, publicUrls } from "../../config/naming/urls.ts";
import { OPENCODE } from "../../config/versions.ts";
import { must } from "../support/run.ts";

describe("the gateway's files", () => {
  /** With a quote, as a person's folder may have. */
  const folder = mkdtempSync(join(tmpdir(), "it's a gateway-"));
  const routes = join(folder, "routes");
  const plugin = join(pluginMount(folder).hostPath, "src/opencode/answers");

  beforeAll(async () => {
    mkdirSync(routes);
    for (let twice = 0; twice < 2; twice++)
      await must("sh", ["-c", gatewayScript(folder, routes)], { input: gatewayFile() });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("are a plugin where Traefik looks for it, and the configuration beside the routes, whole", () => {
    expect(readdirSync(plugin).sort()).toEqual([".traefik.yml", "answers.go", "go.mod"]);
    expect(readFileSync(join(plugin, ".traefik.yml"), "utf8")).toContain("import: opencode/answers\n");
    expect(readFileSync(join(plugin, "answers.go"), "utf8")).toMatch(
      /^\/\/ Package answers .*\npackage answers\n/,
    );
    expect(readdirSync(routes)).toEqual(["_gateway.yml"]);
    expect(readFileSync(join(routes, "_gateway.yml"), "utf8")).toBe(gatewayFile());
  });

  it("lead /p/<name> at the panel's hostname to the project's own", () => {
    const urls = publicUrls({ domain: "example.com", hostnamePattern: "{name}-code", panelHostname: "code" });
    const { routers, middlewares } = JSON.parse(gatewayFile(urls)).http;
    expect(routers._to_project).toMatchObject({
      rule: "Host(`code.example.com`) && PathRegexp(`^/p/[a-z][a-z0-9-]*(/|$)`)",
      middlewares: ["_to_project"],
    });
    const { regex, replacement } = middlewares._to_project.redirectRegex;
    const to = (path: string) =>
      `https://code.example.com${path}`.replace(
        new RegExp(regex),
        replacement.replace(/\$\{(\d)\}/g, "$$$1"),
      );
    expect(to("/p/shop/session/1?a=b")).toBe("https://shop-code.example.com/session/1?a=b");
    expect(to("/p/shop")).toBe("https://shop-code.example.com/");
    expect(Object.keys(JSON.parse(gatewayFile()).http.routers)).toEqual(["_wake"]);
  });

  it("let no page wake a project, and Traefik's own question through", () => {
    const { rule } = JSON.parse(gatewayFile()).http.routers._wake;
    const refused = [...rule.matchAll(/!HeaderRegexp\(`([\w-]+)`, `\.\+`\)/g)].map(([, name]) => name);
    expect(refused).toEqual(["Origin", "Sec-Fetch-Site"]);
    const urls = localUrls({ port: 4080, localDomain: "localhost" });
    const asleep = asleepRoutes({ name: "web", urls, state: "running", version: OPENCODE }, 4080);
    const { web_wake: wake } = asleep.http.middlewares as Record<string, { forwardAuth?: object }>;
    expect(wake?.forwardAuth).toMatchObject({ authRequestHeaders: expect.any(Array) });
    for (const name of refused)
      expect(wake?.forwardAuth).not.toMatchObject({ authRequestHeaders: expect.arrayContaining([name]) });
  });

  it("define every middleware that Traefik's own configuration names", () => {
    const { middlewares } = JSON.parse(gatewayFile()).http;
    const flags = traefikFlags({ names: makeNames("t"), port: 4080 });
    const [, named = ""] = flags.map((flag) => /http\.middlewares=(.*)/.exec(flag)).find(Boolean) ?? [];
    expect(named.split(",")).toEqual(["_set@file", "_added@file"]);
    for (const name of named.split(",")) expect(middlewares).toHaveProperty(name.replace("@file", ""));
    expect(flags).toEqual(expect.arrayContaining([...answerFlags]));
  });

  it("add a policy to opencode's own, and replace none", () => {
    const { _set, _added } = JSON.parse(gatewayFile()).http.middlewares;
    expect(_added.plugin.answers.headers["Content-Security-Policy"]).toBe("frame-ancestors 'none'");
    expect(Object.keys(_set.headers.customResponseHeaders)).not.toContain("Content-Security-Policy");
  });
});
