import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { noticePageLabels } from "../../components/proxy/notice-labels.ts";
import { projectLabels, routeFile } from "../../components/proxy/routes.ts";
import { makeNames } from "../../config/naming/names.ts";
import { localUrls, publicUrls } from "../../config/naming/urls.ts";
import { OPENCODE, OPENCODE_2 } from "../../config/versions.ts";

const urls = localUrls({ port: 4080, localDomain: "localhost" });
const web = { name: "web", urls, state: "running" as const, version: OPENCODE };
const password = "TopSecretPassword123";

describe("projectLabels", () => {
  it("finds opencode's port, and routes nothing to it", () => {
    expect(projectLabels("web", OPENCODE)).toEqual({
      "traefik.enable": "true",
      "traefik.http.services.web.loadbalancer.server.port": "4096",
      "traefik.http.services.web_relay.loadbalancer.server.port": "4097",
      "traefik.http.routers.web.rule": "!PathPrefix(`/`)",
      "traefik.http.routers.web.service": "web",
    });
  });

  it("gives every project keys of its own, even where one name continues another", () => {
    const keys = (name: string) =>
      Object.keys(projectLabels(name, OPENCODE)).filter((key) => key !== "traefik.enable");
    const all = ["web", "web-path", "web-p", "path"].flatMap(keys);
    expect(new Set(all).size).toBe(all.length);
  });
});

describe("routeFile", () => {
  const file = parse(routeFile({ ...web, password }));

  it("routes the hostname and the path to the container, with the password added", () => {
    expect(file.http.routers.web).toMatchObject({ service: "web@docker", middlewares: ["web_password"] });
    expect(file.http.routers.web.rule).toContain("Host(`web.localhost`)");
    expect(file.http.routers.web_path).toMatchObject({
      service: "web@docker",
      middlewares: ["web_strip", "web_password"],
    });
  });

  it("matches /p/web and what is under it, not /p/web-shop", () => {
    expect(file.http.routers.web_path.rule).toContain("(Path(`/p/web`) || PathPrefix(`/p/web/`))");
  });

  it("takes no request on the path but for this machine's own name, and none from another origin", () => {
    for (const router of ["web", "web_path"]) {
      expect(file.http.routers[router].rule).toContain(
        "&& !((HeaderRegexp(`Origin`, `.+`) && !Header(`Origin`, `http://web.localhost:4080`)) || ",
      );
    }
    expect(file.http.routers.web_path.rule).toMatch(
      /^\(Host\(`localhost`\) \|\| Host\(`127\.0\.0\.1`\)\) && \(Path/,
    );
  });

  it("takes a request that a browser ascribes to another site only if a person opens a page by it", () => {
    const foreign =
      "(HeaderRegexp(`Sec-Fetch-Site`, `^(cross-site|same-site)$`) && !((Method(`GET`) || Method(`HEAD`)) && " +
      "Header(`Sec-Fetch-Mode`, `navigate`) && Header(`Sec-Fetch-Dest`, `document`) && !HeaderRegexp(`Sec-Purpose`, `.+`)))";
    const { web, web_path, web_refused } = file.http.routers;
    for (const { rule } of [web, web_path, web_refused]) expect(rule).toContain(` || ${foreign})`);
  });

  it("takes people's and machines' credentials out of requests, and cookies out of answers", () => {
    const { customRequestHeaders, customResponseHeaders } = file.http.middlewares.web_password.headers;
    for (const name of [
      "Cookie",
      "Cf-Access-Jwt-Assertion",
      "Cf-Access-Client-Id",
      "Cf-Access-Client-Secret",
      "Proxy-Authorization",
    ])
      expect(customRequestHeaders).toHaveProperty([name], "");
    expect(customResponseHeaders).toEqual({ "Set-Cookie": "", "Clear-Site-Data": "" });
    const kept = Object.entries(customRequestHeaders).filter(([, value]) => value !== "");
    expect(kept.map(([name]) => name)).toEqual(["Authorization"]);
  });

  it("tells the page that asks about a repository who answers, and nobody else", () => {
    const { routers, middlewares } = parse(routeFile({ ...web, trust: "ask", password })).http;
    expect(routers.web_trust).toMatchObject({ middlewares: ["_person", "web_trust"], service: "web@docker" });
    expect(routers.web_trust.rule).toContain("Path(`/trust`) && Method(`POST`) && !");
    const person = "X-Opencode-Person";
    const { [person]: _, ...others } = middlewares.web_password.headers.customRequestHeaders;
    expect(middlewares.web_trust.headers.customRequestHeaders).toEqual(others);
    expect(middlewares.web_password.headers.customRequestHeaders[person]).toBe("");
    expect(file.http.routers.web_trust).toBeUndefined();
  });

  it("has no route to a stopped project's container", () => {
    const { routers } = parse(routeFile({ ...web, state: "stopped", password })).http;
    expect(JSON.stringify(routers)).not.toContain("web@docker");
    expect(routers.web_fallback).toBeDefined();
  });

  it("adds the password as opencode expects it", () => {
    const { Authorization } = file.http.middlewares.web_password.headers.customRequestHeaders;
    expect(Buffer.from(Authorization.replace("Basic ", ""), "base64").toString()).toBe(
      `opencode:${password}`,
    );
  });

  it("keeps path and query when it sends a browser to the hostname", () => {
    const { regex, replacement } = file.http.middlewares.web_to_hostname.redirectRegex;
    const go = (url: string) => url.replace(new RegExp(regex), replacement.replace(/\$\{1\}/, "$1"));
    expect(go("http://localhost:4080/p/web")).toBe("http://web.localhost:4080/");
    expect(go("http://localhost:4080/p/web/")).toBe("http://web.localhost:4080/");
    expect(go("http://localhost:4080/p/web/a/b?c=d&e")).toBe("http://web.localhost:4080/a/b?c=d&e");
  });

  it("opens the workspace for a browser that asks for the hostname alone", () => {
    const { regex, replacement } = file.http.middlewares.web_to_page.redirectRegex;
    const [, directory, page] = new URL(
      "http://web.localhost:4080/".replace(new RegExp(regex), replacement),
    ).pathname.split("/");
    expect(Buffer.from(String(directory), "base64url").toString()).toBe("/workspace");
    expect(page).toBe("session");
    expect(file.http.routers.web_open.rule).toContain("Path(`/`)");
  });

  it("opens the page that finds a session where only those have an address, unless the project is stopped", () => {
    const second = { ...web, version: OPENCODE_2, password };
    const { routers, middlewares } = parse(routeFile(second)).http;
    expect(routers.web_open).toMatchObject({ service: "_notice@docker", middlewares: ["web_to_page"] });
    expect(middlewares.web_to_page.headers.customRequestHeaders).toEqual({
      "X-Opencode-Project": "web",
      "X-Opencode-State": "open",
    });
    expect(parse(routeFile({ ...second, state: "stopped" })).http.routers.web_open).toBeUndefined();
  });

  it("lets a refusal win over the running container, that over the fallback, and the redirect of browsers over all", () => {
    const { web_navigate, web_refused, web_fallback } = file.http.routers;
    const project = file.http.routers.web.priority;
    expect(web_navigate.priority).toBeGreaterThan(web_refused.priority);
    expect(web_refused.priority).toBeGreaterThan(project);
    // The priority of the routers that a container of release 0.1 has as labels.
    expect(project).toBeGreaterThan(100);
    expect(project).toBeGreaterThan(web_fallback.priority);
    expect(web_fallback.priority).toBeGreaterThan(
      Number(noticePageLabels(makeNames("x"))["traefik.http.routers._notice.priority"]),
    );
  });

  it("says the state that projects.yaml asks for", () => {
    const stopped = parse(routeFile({ ...web, state: "stopped", password }));
    expect(stopped.http.middlewares.web_state.headers.customRequestHeaders).toEqual({
      "X-Opencode-Project": "web",
      "X-Opencode-State": "stopped",
    });
  });
});

it("keeps the password out of every label", () => {
  const base64 = Buffer.from(`opencode:${password}`).toString("base64");
  const text = JSON.stringify([projectLabels("web", OPENCODE), noticePageLabels(makeNames("opencode"))]);
  expect(text).not.toContain(password);
  expect(text).not.toContain(base64);
});

describe("the routes of a project's ports", () => {
  const ports = [
    { port: 3000, label: "3000" },
    { port: 8080, label: "admin" },
  ];
  const { routers, middlewares } = parse(routeFile({ ...web, ports, password })).http;

  it("lead to the relay, which is told the port and the page's origin, without the password", () => {
    expect(routers.web_port_admin).toMatchObject({
      service: "web_relay@docker",
      middlewares: ["web_port_admin", "_preview"],
    });
    expect(routers.web_port_admin.rule).toContain("Host(`web-admin.localhost`)");
    const { customRequestHeaders } = middlewares.web_port_admin.headers;
    expect(customRequestHeaders).toMatchObject({
      "X-Opencode-Port": "8080",
      "X-Opencode-Origin": "http://web-admin.localhost:4080",
      "Cf-Access-Jwt-Assertion": "",
    });
    // A program's own log-in stays.
    expect(customRequestHeaders).not.toHaveProperty("Authorization");
    expect(customRequestHeaders).not.toHaveProperty("Cookie");
  });

  it("take nothing that another origin sends, the project's own and another port's among them", () => {
    for (const label of ["3000", "admin"]) {
      expect(routers[`web_port_${label}`].rule).toContain(
        `!Header(\`Origin\`, \`http://web-${label}.localhost:4080\`)`,
      );
      expect(routers[`web_port_${label}_refused`]).toMatchObject({
        service: "_notice@docker",
        middlewares: [`web_port_${label}_refused`],
      });
    }
  });

  it("lead to the notice page alone while the project is stopped", () => {
    const stopped = parse(routeFile({ ...web, state: "stopped", ports, password })).http;
    expect(stopped.routers).not.toHaveProperty("web_port_3000");
    expect(stopped.routers.web_port_3000_fallback).toMatchObject({ service: "_notice@docker" });
    expect(stopped.middlewares.web_port_3000_state.headers.customRequestHeaders).toEqual({
      "X-Opencode-Project": "web",
      "X-Opencode-State": "stopped",
    });
  });
});

describe("the platform's own paths at a project's hostname", () => {
  const { routers, middlewares } = parse(routeFile({ ...web, password })).http;

  it("lead to the relay, which answers them itself, with its key and none of people's credentials", () => {
    expect(routers.web_own).toMatchObject({ service: "web_relay@docker", middlewares: ["web_own"] });
    expect(routers.web_own.rule).toMatch(/^Host\(`web\.localhost`\) && PathPrefix\(`\/_platform\/`\) && !\(/);
    const { customRequestHeaders, customResponseHeaders } = middlewares.web_own.headers;
    expect(customRequestHeaders).toMatchObject({
      "X-Opencode-Port": "platform",
      "X-Opencode-Origin": "http://web.localhost:4080",
      "X-Opencode-Key": expect.stringMatching(/^[0-9a-f]{64}$/),
      Authorization: "",
      Cookie: "",
      "Cf-Access-Jwt-Assertion": "",
    });
    expect(JSON.stringify(customRequestHeaders)).not.toContain(password);
    expect(customResponseHeaders).toEqual({ "Set-Cookie": "", "Clear-Site-Data": "" });
  });

  it("take nothing that another site sends, and win over opencode", () => {
    for (const router of [routers.web_own, routers.web_own_path]) {
      expect(router.rule).toContain("&& !((HeaderRegexp(`Origin`, `.+`) && !Header(`Origin`, `http://web.");
      expect(router.priority).toBeGreaterThan(routers.web.priority);
    }
    expect(routers.web_refused.rule).not.toContain("_platform");
  });

  it("are below the path too, for programs; a browser is sent to the hostname", () => {
    expect(routers.web_own_path).toMatchObject({ middlewares: ["web_strip", "web_own"] });
    expect(routers.web_own_path.rule).toContain("PathPrefix(`/p/web/_platform/`)");
    expect(routers.web_own_path.priority).toBeLessThan(routers.web_navigate.priority);
    const urls = publicUrls({ domain: "example.com", hostnamePattern: "{name}-code", panelHostname: "code" });
    const onDroplet = parse(routeFile({ ...web, urls, password })).http.routers;
    expect(onDroplet.web_own.rule).toContain("Host(`web-code.example.com`)");
    expect(onDroplet).not.toHaveProperty("web_own_path");
  });

  it("know the project's ports, and none that a client names", () => {
    const portsOf = (more: object) =>
      parse(routeFile({ ...web, ...more, password })).http.middlewares.web_own.headers.customRequestHeaders[
        "X-Opencode-Ports"
      ];
    const ports = [
      { port: 3000, label: "3000" },
      { port: 8080, label: "admin" },
    ];
    expect(portsOf({ ports })).toBe("3000=3000,admin=8080");
    expect(portsOf({})).toBe("");
  });

  it("are of no stopped project", () => {
    expect(JSON.stringify(parse(routeFile({ ...web, state: "stopped", password })))).not.toContain(
      "_platform",
    );
  });
});

describe("names below another domain than localhost", () => {
  it("are the project's and its ports', and Safari is sent there as other browsers are", () => {
    const own = { ...web, urls: localUrls({ port: 4080, localDomain: "opencode.test" }), password };
    const { routers } = parse(routeFile({ ...own, ports: [{ port: 3000, label: "3000" }] })).http;
    expect(routers.web.rule).toContain("Host(`web.opencode.test`)");
    expect(routers.web_port_3000.rule).toContain("Host(`web-3000.opencode.test`)");
    expect(routers).not.toHaveProperty("web_safari");
  });

  it("are not asked for below localhost, where a page tells Safari what it may not find", () => {
    const { routers, middlewares } = parse(routeFile({ ...web, password })).http;
    expect(routers.web_safari).toMatchObject({ middlewares: ["web_safari"], service: "_notice@docker" });
    expect(routers.web_safari.priority).toBeGreaterThan(routers.web_navigate.priority);
    const [, wanted = "", refused = ""] =
      /User-Agent`, `(.*?)`\) && !HeaderRegexp\(`User-Agent`, `(.*?)`/.exec(routers.web_safari.rule) ?? [];
    const isSafari = (agent: string) => new RegExp(wanted).test(agent) && !new RegExp(refused).test(agent);
    const webkit = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)";
    expect(isSafari(`${webkit} Version/18.1 Safari/605.1.15`)).toBe(true);
    expect(isSafari(`${webkit} Version/18.1 Mobile/15E148 Safari/604.1`)).toBe(true);
    expect(isSafari(`${webkit} Chrome/143.0.0.0 Safari/537.36`)).toBe(false);
    expect(isSafari("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe(false);
    expect(middlewares.web_safari.headers.customRequestHeaders).toMatchObject({
      "X-Opencode-State": "safari",
      "X-Opencode-Url": "http://web.localhost:4080/",
    });
  });
});
