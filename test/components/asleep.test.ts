/** The routes of a sleeping project, and of one that has just been woken. */
import { expect, it } from "vitest";
import { keeperFile } from "../../components/project/sleep.ts";
import { asleepRoutes, awakeRoutes } from "../../components/proxy/asleep.ts";
import { type RouteArgs, routeConfiguration } from "../../components/proxy/routes.ts";
import type { Router } from "../../components/proxy/rules.ts";
import { openPageRule } from "../../components/proxy/wakes.ts";
import { makeNames } from "../../config/naming/names.ts";
import { localUrls, publicUrls } from "../../config/naming/urls.ts";
import { OPENCODE } from "../../config/versions.ts";

const LOCAL = localUrls({ port: 4080, localDomain: "localhost" });
const PUBLIC = publicUrls({
  domain: "example.com",
  hostnamePattern: "{project}-code",
  panelHostname: "panel",
});
const VERSIONS = [OPENCODE, "2.0.14"];
const route = (others: Partial<RouteArgs> = {}): RouteArgs => ({
  name: "web",
  urls: LOCAL,
  state: "running",
  version: OPENCODE,
  trust: "ask",
  ports: [{ port: 3000, label: "3000" }],
  ...others,
});
const CASES = VERSIONS.flatMap((version) => [route({ version }), route({ version, urls: PUBLIC })]);

const highest = (routers: Readonly<Record<string, Router>>) =>
  Math.max(...Object.values(routers).map(({ priority }) => priority));

it.each(CASES)(
  "hold all that leads to the container, before anything else is done with it ($version)",
  (args) => {
    const { routers } = asleepRoutes(args, 4080).http;
    const own = routeConfiguration({ ...args, password: "" }).http.routers;
    for (const [id, router] of Object.entries(own)) {
      if (!/^web(_relay)?@docker$/.test(router.service)) continue;
      const held = routers[`${id}_asleep`];
      expect(held?.rule).toBe(router.rule);
      expect(held?.middlewares).toEqual(["web_wake", ...(router.middlewares ?? [])]);
      expect(held?.service).toMatch(/^web(_relay)?_address$/);
    }
  },
);

it.each(CASES)(
  "go before the project's own, in the same order, and leave refusals to those ($version)",
  (args) => {
    const own = routeConfiguration({ ...args, password: "" }).http.routers;
    for (const { routers } of [asleepRoutes(args, 4080).http, awakeRoutes(args).http]) {
      const order = (all: Readonly<Record<string, Router>>, ending: string) =>
        Object.entries(all)
          .filter(([id]) => own[id.slice(0, id.length - ending.length)] && id.endsWith(ending))
          .filter(([id]) => !/_(refused|fallback)$/.test(id))
          .sort(([, a], [, b]) => b.priority - a.priority)
          .map(([id]) => id.slice(0, id.length - ending.length));
      expect(order(routers, "_asleep")).toEqual(order(own, ""));
      expect(Math.min(...Object.values(routers).map(({ priority }) => priority))).toBeGreaterThan(
        highest(own),
      );
      expect(Object.keys(routers).filter((id) => /refused|fallback/.test(id))).toEqual([]);
    }
  },
);

it("answer the keeper's question and polls before they hold anything, at each of the project's addresses", () => {
  const { routers } = asleepRoutes(route(), 4080).http;
  const { web_asleep_probe: probe, ...others } = routers;
  expect(probe).toMatchObject({ middlewares: ["web_asleep"], service: "_notice@docker" });
  expect(probe?.priority).toBeGreaterThan(highest(others));
  for (const id of ["web_asleep_calm", "web_asleep_calm_path", "web_asleep_events", "web_asleep_events_path"])
    expect(routers[id]?.priority).toBeGreaterThan(
      routers.web_own_asleep?.priority ?? Number.POSITIVE_INFINITY,
    );
  expect(Object.keys(asleepRoutes(route({ urls: PUBLIC }), 80).http.routers)).not.toContain(
    "web_asleep_calm_path",
  );
});

it("let no page of the project's own programs wake it that is only open, before its requests are held", () => {
  const { routers, middlewares = {} } = asleepRoutes(route(), 4080).http;
  const { web_port_3000_asleep_calm: calm, web_port_3000_asleep: held } = routers;
  expect(calm).toMatchObject({ middlewares: ["web_asleep_port"], service: "_notice@docker" });
  expect(calm?.rule).toBe(openPageRule(held?.rule ?? ""));
  expect(calm?.priority).toBeGreaterThan(held?.priority ?? Number.POSITIVE_INFINITY);
  expect(middlewares.web_asleep_port).toMatchObject({
    headers: { customRequestHeaders: { "X-Opencode-State": "asleep-port" } },
  });
  const { http } = asleepRoutes(route({ ports: [] }), 4080);
  expect(JSON.stringify(http)).not.toContain("asleep_port");
  expect(JSON.stringify(awakeRoutes(route()))).not.toContain("asleep_calm");
});

it("let what another site sends be answered by nobody but the refusal", () => {
  for (const { rule, service } of Object.values(asleepRoutes(route(), 4080).http.routers))
    if (service !== "noop@internal" && !rule.includes("_platform/asleep") && !rule.includes("text/html"))
      expect(rule).toContain("Sec-Fetch-Site");
});

it("ask the waker on loopback, and tell it nothing of who asks", () => {
  const { middlewares = {} } = asleepRoutes(route(), 4080).http;
  const { web_wake: wake } = middlewares as { web_wake?: { forwardAuth: Record<string, unknown> } };
  expect(wake?.forwardAuth.address).toBe("http://127.0.0.1:4080/_wake/web");
  expect(wake?.forwardAuth.authRequestHeaders).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/cookie|auth|access/i)]),
  );
});

it("let nothing wait once it is awake, and have no empty list, for which Traefik refuses the whole directory", () => {
  const { http } = awakeRoutes(route());
  expect(JSON.stringify(http)).not.toContain("_wake");
  expect(Object.keys(http).sort()).toEqual(["routers", "services"]);
});

it("are in the keeper's file with the container and when it may sleep, and no secret", () => {
  const half = { afterMs: 1_800_000, pending: false };
  const file = (sleep: "never" | typeof half = half) =>
    JSON.parse(
      keeperFile({
        names: makeNames("oc"),
        project: {
          name: "web",
          opencode: { version: OPENCODE, config: {}, enforce: {} },
          sleep,
        },
        route: route(),
        gatewayPort: 4080,
      }),
    );
  expect(file()).toMatchObject({
    project: "web",
    container: "oc-project-web",
    port: 4096,
    probe: { host: "web.localhost", path: "/_platform/asleep" },
    sleep: { afterMs: 1_800_000, pending: false },
    asleep: asleepRoutes(route(), 4080),
    awake: awakeRoutes(route()),
  });
  expect(file("never").sleep).toBe(null);
  expect(file({ afterMs: 60_000, pending: true }).sleep).toEqual({ afterMs: 60_000, pending: true });
  expect(JSON.stringify(file())).not.toMatch(/authorization":"[^"]/i);
});
