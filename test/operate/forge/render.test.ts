import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kindOf } from "../../../operate/engine/changes.ts";
import { consequencesOf, RULES } from "../../../operate/forge/consequences.ts";
import { countSteps, type Plan, readPlan, type Step } from "../../../operate/forge/plan.ts";
import {
  fingerprint,
  headline,
  renderDrift,
  renderFailure,
  renderPreview,
} from "../../../operate/forge/render.ts";

const PROJECT = "opencode:platform:Project";
const CONTAINER = "docker:index/container:Container";
const urn = (type: string, name: string) => `urn:pulumi:prod::opencode-platform::${type}::${name}`;

/** An event of the engine at the start of a step. */
function event(op: string, type: string, name: string, more: Record<string, unknown> = {}): unknown {
  const state = { custom: !type.startsWith("opencode:"), inputs: { content: "a value" } };
  return { resourcePreEvent: { metadata: { op, type, urn: urn(type, name), new: state, ...more } } };
}

/** The same for a resource of a project. */
function ofProject(op: string, type: string, project: string, name: string, more = {}): unknown {
  const parent = urn(PROJECT, project);
  const state = { custom: true, parent };
  return event(op, `${PROJECT}$${type}`, name, { type, new: state, ...more });
}

const said = (severity: string, message: string) => ({ diagnosticEvent: { severity, message } });

const step = (part: Partial<Step>): Step => ({
  op: "create",
  urn: urn(part.type ?? CONTAINER, part.name ?? "x"),
  type: CONTAINER,
  name: "x",
  project: undefined,
  properties: [],
  ...part,
});
const planOf = (...steps: Step[]): Plan => ({ steps, unchanged: 0, errors: [], warnings: [] });
const report = (plan: Plan, text = "", explanation = "") => ({
  stack: "prod",
  plan,
  text,
  explanation,
  notes: [] as string[],
  runUrl: undefined,
});

it("says of a service that it is restarted, and not its project", () => {
  const of = (op: Step["op"]) => consequencesOf([step({ op, project: "web", name: "web.db" })]).join();
  expect(of("replace")).toMatch(/^The service db of web is restarted: .*stays\.$/);
  expect(of("delete")).toMatch(/^The service db of web is removed; .*purged\.$/);
});

describe("a plan", () => {
  it("has a step for each resource that changes, with its project", () => {
    const plan = readPlan([
      event("create", PROJECT, "gamma"),
      ofProject("create", CONTAINER, "gamma", "gamma-container"),
      event("update", "docker:index/network:Network", "network", { diffs: ["labels"] }),
      event("same", CONTAINER, "traefik"),
      event("same", "pulumi:pulumi:Stack", "opencode-platform-prod"),
      event("refresh", CONTAINER, "traefik"),
      event("create", "pulumi:providers:docker", "host"),
    ]);
    expect(
      plan.steps.map(({ op, name, project, properties }) => ({ op, name, project, properties })),
    ).toEqual([
      { op: "create", name: "gamma-container", project: "gamma", properties: [] },
      { op: "update", name: "network", project: undefined, properties: ["labels"] },
    ]);
    expect(plan.unchanged).toBe(1);
    expect(headline(plan)).toBe("1 to create, 1 to update, 1 unchanged");
  });

  it("combines the steps of a replacement, in any order", () => {
    const steps = ["delete-replaced", "replace", "create-replacement"];
    for (const order of [steps, [...steps].reverse()]) {
      const more = { detailedDiff: { "envs[1]": { diffKind: "update-replace" } }, diffs: ["envs"] };
      const plan = readPlan(order.map((op) => ofProject(op, CONTAINER, "web", "web-container", more)));
      expect(countSteps(plan.steps)).toEqual([["replace", 1]]);
      expect(plan.steps[0]?.properties).toEqual(["envs[1]"]);
    }
  });

  it("assigns records and applications at the edge to their projects", () => {
    const type = "cloudflare:index/dnsRecord:DnsRecord";
    const plan = readPlan([
      event("create", type, "project-web-shop-record"),
      event("create", type, "panel-record"),
    ]);
    expect(plan.steps.map(({ project }) => project)).toEqual(["web-shop", undefined]);
  });

  it("keeps each message once", () => {
    const plan = readPlan([
      said("error", "<{%fg 1%}>no such image<{%reset%}>\n"),
      said("error", "no such image"),
      said("error", "preview failed"),
      said("warning", "deprecated"),
      said("info", "building"),
    ]);
    expect(plan.errors).toEqual(["no such image"]);
    expect(plan.warnings).toEqual(["deprecated"]);
  });

  it("ignores unknown events, and keeps no values", () => {
    expect(readPlan([undefined, 1, {}, { resourcePreEvent: {} }, { diagnosticEvent: 1 }]).steps).toEqual([]);
    const plan = readPlan([event("create", CONTAINER, "x")]);
    expect(JSON.stringify(plan)).not.toContain("a value");
  });
});

describe("the consequences of a change", () => {
  it("are shown for a droplet, a volume, and the affected projects", () => {
    const said = consequencesOf([
      step({ op: "replace", type: "digitalocean:index/droplet:Droplet" }),
      step({ op: "delete", type: "digitalocean:index/volume:Volume" }),
      step({ op: "update", type: "digitalocean:index/droplet:Droplet", properties: ["size"] }),
      step({ op: "update", type: "digitalocean:index/droplet:Droplet", properties: ["tags"] }),
      step({ op: "replace", project: "web" }),
      step({ op: "delete", project: "old" }),
      step({ op: "create", project: "new" }),
    ]);
    expect(said).toHaveLength(5);
    expect(said[0]).toMatch(/^Replacing the droplet interrupts every project/);
    expect(said[1]).toMatch(/^The volume holds every workspace/);
    expect(said[2]).toMatch(/^Resizing turns off the droplet/);
    expect(said[3]).toMatch(/^web is restarted/);
    expect(said[4]).toMatch(/^old is removed: .*workspace stays/);
  });

  it("say whose service token ends, and whether there is a new one", () => {
    const type = "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken";
    const said = consequencesOf([
      step({ op: "replace", type, name: "service-token" }),
      step({ op: "delete", type, name: "project-web-service-token", project: "web" }),
      step({ op: "replace", type, name: "panel-service-token" }),
      step({ op: "update", type, name: "service-token", properties: ["name"] }),
    ]);
    expect(said).toEqual([
      "The service token for SSH, which CI uses, ends: machines need the new one.",
      "The service token for web ends: no machine can open it any more.",
      "The service token for the panel ends: machines need the new one.",
    ]);
  });

  it("are shown once", () => {
    const both = [
      step({ op: "replace", project: "web" }),
      step({ op: "replace", project: "web", name: "y" }),
    ];
    expect(consequencesOf(both)).toHaveLength(1);
  });

  it("only refer to types in the providers' packages", () => {
    const require = createRequire(import.meta.url);
    for (const { type } of RULES) {
      const [provider = "", module = ""] = type.source.replace(/[\^$]/g, "").split(/:index\\\//);
      const name = module.split(/[:(]/)[0] ?? "";
      const folder = dirname(require.resolve(`@pulumi/${provider}/package.json`));
      const files = name.endsWith("Access") ? ["Application", "Policy"].map((end) => name + end) : [name];
      for (const file of files) {
        const source = readFileSync(join(folder, `${file}.js`), "utf8");
        const token = /__pulumiType = '([^']+)'/.exec(source)?.[1] ?? "";
        expect(type.test(token), `${type} and ${token}`).toBe(true);
      }
    }
  });
});

describe("a comment", () => {
  it("lists changes by project, and their consequences", () => {
    const plan = planOf(
      step({ project: "gamma", name: "gamma-container" }),
      step({ op: "replace", project: "web", name: "web-container", properties: ["envs", "a|b"] }),
    );
    expect(renderPreview({ ...report(plan, "the text"), runUrl: "https://ci.example/1" }, 60_000)).toBe(
      [
        "### Preview of `prod`: 1 to create, 1 to replace",
        "",
        "**Mind:**",
        "- web is restarted: processes in its container end; its workspace and sessions stay.",
        "",
        "| project | change | resource | what differs |",
        "| --- | --- | --- | --- |",
        "| `gamma` | create | container `gamma-container` |  |",
        "| `web` | replace | container `web-container` | `envs`, `a\\|b` |",
        "",
        "<details><summary>The engine's full text</summary>",
        "",
        "```text",
        "the text",
        "```",
        "",
        "</details>",
        "",
        "<sub>[Full run](https://ci.example/1); a new push updates this comment.</sub>",
      ].join("\n"),
    );
  });

  it("reports that nothing changes", () => {
    expect(renderPreview(report({ ...planOf(), unchanged: 7 }), 1000)).toBe(
      "### Preview of `prod`: nothing to change, 7 unchanged",
    );
  });

  it("contains every line of an error", () => {
    const explanation =
      'projects.yaml:6:11 projects[1].name: "alpha" is already used by projects[0]\nsecond — fix';
    const text = renderFailure(report(planOf(), "", explanation), 1000);
    expect(text).toContain(`\`\`\`text\n${explanation}\n\`\`\``);
  });

  it("never exceeds the forge's limit", () => {
    const many = Array.from({ length: 500 }, (_, index) =>
      step({
        op: "replace",
        project: `p${index}`,
        name: `${index}`.repeat(60),
        properties: ["x".repeat(200)],
      }),
    );
    const lines = fc.array(fc.string({ unit: "grapheme", maxLength: 300 }), { maxLength: 300 });
    fc.assert(
      fc.property(lines, fc.constantFrom(planOf(), planOf(...many)), (text, plan) => {
        const made = [
          renderPreview(report(plan, text.join("\n")), 60_000),
          renderDrift(report(plan, text.join("\n")), 60_000),
          renderFailure(report(plan, text.join("\n"), text.join("\n")), 60_000),
        ];
        for (const each of made) expect(Buffer.byteLength(each)).toBeLessThanOrEqual(60_000);
      }),
      { numRuns: 50 },
    );
  });
});

describe("drift", () => {
  const print = (plan: Plan, notes: string[] = []) => fingerprint({ plan, notes });

  it("has the same fingerprint for the same differences, in any order", () => {
    const [a, b] = [step({ name: "a" }), step({ name: "b", properties: ["envs"] })];
    expect(print(planOf(a, b))).toBe(print(planOf(b, a)));
    expect(print(planOf(a, b))).not.toBe(print(planOf(a)));
    expect(print(planOf(b))).not.toBe(print(planOf({ ...b, properties: ["image"] })));
    expect(print(planOf(), ["the droplet is gone"])).not.toBe(print(planOf()));
  });

  it("is reported with its fixes", () => {
    const text = renderDrift(report(planOf(step({ project: "web" }))), 10_000);
    expect(text).toContain("What runs in `prod` differs from the main branch: 1 to create.");
    expect(text).toContain("`npm run ci -- up --stack prod`");
  });

  it("reports a lost droplet, though the engine can't compare", () => {
    const gone = { ...report(planOf(), "", "ssh: no route"), notes: ["The droplet is gone.\nMore of it"] };
    const text = renderDrift(gone, 10_000);
    expect(text).toContain("differs from the main branch: The droplet is gone.");
    expect(text).toContain("**Noticed:**\n- The droplet is gone. More of it");
    expect(text).toContain("could not be determined:\n\n```text\nssh: no route\n```");
  });
});

it("names a resource's kind", () => {
  expect(kindOf("cloudflare:index/dnsRecord:DnsRecord")).toBe("dns record");
  expect(kindOf(CONTAINER)).toBe("container");
});
