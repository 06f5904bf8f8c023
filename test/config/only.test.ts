import { describe, expect, it } from "vitest";
import { type Applied, NOT_ALONE, refusalOf, targetsOf } from "../../config/stack/only.ts";

const before: Applied = { platform: "p", projects: { web: "1", api: "2" } };

describe("one project can be updated alone", () => {
  it("when nothing has changed, when it alone has, and when it is new", () => {
    expect(refusalOf("web", before, before)).toBeUndefined();
    expect(refusalOf("web", before, { ...before, projects: { web: "other", api: "2" } })).toBeUndefined();
    expect(
      refusalOf("new", before, { ...before, projects: { ...before.projects, new: "3" } }),
    ).toBeUndefined();
  });
});

describe("the whole update is asked for, in a sentence", () => {
  const cases: Record<string, [name: string, before: Applied | undefined, now: Applied, why: string]> = {
    "an entry that is not there": ["gone", before, before, "it is not in projects.yaml"],
    "no update before": ["web", undefined, before, "no whole update has been run with this release yet"],
    "another setting": [
      "web",
      before,
      { ...before, platform: "q" },
      "settings or the platform itself have changed since the last update",
    ],
    "another entry": ["web", before, { ...before, projects: { web: "1", api: "3" } }, "api has changed too"],
    "entries that came and went": [
      "web",
      before,
      { ...before, projects: { web: "1", docs: "4" } },
      "api, docs have changed too",
    ],
  };
  for (const [title, [name, last, now, why]] of Object.entries(cases)) {
    it(title, () => {
      expect(refusalOf(name, last, now)).toBe(`${name} ${NOT_ALONE} ${why}`);
    });
  }
});

describe("what the engine is to update", () => {
  /** As the engine reads `--target`: `*` is a part of a name, `**` is anything. */
  const matches = (target: string, urn: string) => {
    const pattern = target
      .split(/(\*\*|\*)/)
      .map((part) =>
        part === "**" ? ".*" : part === "*" ? "[^:]*" : part.replace(/[$.+?()[\]{}|^\\]/g, "\\$&"),
      )
      .join("");
    return new RegExp(`^${pattern}$`).test(urn);
  };
  const isTarget = (urn: string) => targetsOf("prod", "web").some((target) => matches(target, urn));
  const image = (version: string) => [
    `urn:pulumi:prod::opencode-platform::opencode:platform:Image::image-${version}`,
    `urn:pulumi:prod::opencode-platform::opencode:platform:Image$docker:index/image:Image::image-${version}`,
  ];

  it("is an image that no other project uses, and no image of another", () => {
    const targets = targetsOf("prod", "web", ["image-2.0.18"]);
    const isTarget = (urn: string) => targets.some((target) => matches(target, urn));
    expect(image("2.0.18").every(isTarget)).toBe(true);
    expect(image("2.0.18-x").some(isTarget)).toBe(false);
    expect(image("1.18.30").some(isTarget)).toBe(false);
  });

  const at = (types: string, name: string) => `urn:pulumi:prod::opencode-platform::${types}::${name}`;

  it("is all of the project, and the lists that it is in", () => {
    const project = "opencode:platform:Project";
    for (const urn of [
      at(project, "web"),
      at(`${project}$docker:index/container:Container`, "web-container"),
      at(`${project}$command:local:Command`, "web-route"),
      at(`${project}$docker:index/network:Network`, "web-network"),
      at(`${project}$docker:index/network:Network`, "web.services"),
      at(`${project}$docker:index/container:Container`, "web.db"),
      at(`${project}$command:local:Command`, "web.db-applied"),
      at(`${project}$random:index/randomPassword:RandomPassword`, "web-password"),
      at(`${project}$tls:index/privateKey:PrivateKey`, "web-deploy-key"),
      at("command:local:Command", "workspaces"),
      at("opencode:platform:Guard$command:local:Command", "packet-rules"),
      at("opencode:platform:Edge$cloudflare:index/dnsRecord:DnsRecord", "project-web-record"),
      at("opencode:platform:Edge$cloudflare:index/x:X", "tunnel-config"),
      at("opencode:platform:Edge$opencode:platform:Access$cloudflare:index/x:X", "project-web-service-token"),
      at("opencode:platform:Edge$opencode:platform:Access$cloudflare:index/x:X", "project-web-machines"),
    ])
      expect([urn, isTarget(urn)]).toEqual([urn, true]);
  });

  it("is named by patterns, since a refresh refuses any other target that is not in the state", () => {
    for (const target of targetsOf("prod", "web")) expect(target).toContain("*");
  });

  it("is nothing of another, however it is named", () => {
    const project = "opencode:platform:Project";
    for (const urn of [
      at(project, "web-2"),
      at(project, "web-container"),
      at(`${project}$docker:index/container:Container`, "web-container-container"),
      at(`${project}$docker:index/container:Container`, "web-2-container"),
      at(`${project}$docker:index/container:Container`, "my-web-container"),
      at(`${project}$docker:index/container:Container`, "my-web.db"),
      at(`${project}$docker:index/container:Container`, "web-2.db"),
      at("opencode:platform:Proxy$docker:index/container:Container", "traefik"),
      at("opencode:platform:Edge$cloudflare:index/dnsRecord:DnsRecord", "project-web-2-record"),
    ])
      expect([urn, isTarget(urn)]).toEqual([urn, false]);
  });
});

it("has the records of its ports with it, and of no other project's", () => {
  const targets = targetsOf("prod", "web").filter((target) => target.includes("Edge$"));
  const isTarget = (name: string) =>
    targets.some((target) => {
      const pattern = target.slice(target.lastIndexOf("::") + 2).replace("*", ".*");
      return new RegExp(`^${pattern}$`).test(name);
    });
  const own = ["project-web-record", "project-web_port-3000-record", "project-web_port-admin-record"];
  expect(own.map(isTarget)).toEqual([true, true, true]);
  // The last is of a project named web-port-3000.
  const others = [
    "project-web-shop-record",
    "project-web-shop_port-3000-record",
    "project-web-port-3000-record",
  ];
  expect(others.map(isTarget)).toEqual([false, false, false]);
});
