import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cloudNames } from "../../config/naming/cloud-names.ts";
import {
  type CloudKind,
  type CloudResource,
  classifyResources,
  STATE_TYPES,
} from "../../operate/clouds/stray-rules.ts";
import { hasDuplicateAccessResources, mayHaveStrays } from "../../operate/clouds/strays.ts";
import { failedRuns, parseHistory, type Run, suspectWindows } from "../../operate/clouds/windows.ts";
import { parseDeployment } from "../../operate/state/checkpoint.ts";

const MINUTE = 60_000;
const NOON = Date.parse("2026-11-24T12:00:00Z");
const at = (minutes: number) => new Date(NOON + minutes * MINUTE).toISOString();
const run = (from: number, to: number, succeeded: boolean, kind = "update"): Run => {
  return { kind, succeeded, start: NOON + from * MINUTE, end: NOON + to * MINUTE };
};
const failed = run(0, 10, false);

interface StateOf {
  known?: { kind: CloudKind; id: string }[];
  pending?: { type: string; resource: unknown }[];
  writtenAt?: string;
}
const deployment = ({ known = [], pending = [], writtenAt = at(3) }: StateOf = {}) =>
  parseDeployment({
    deployment: {
      manifest: { time: writtenAt },
      resources: known.map(({ kind, id }) => ({ urn: `urn:${id}`, type: STATE_TYPES[kind], id })),
      pending_operations: pending,
    },
  });
const creating = (kind: CloudKind, name?: string) => {
  return { type: "creating", resource: { urn: "u", type: STATE_TYPES[kind], inputs: name ? { name } : {} } };
};
const droplet = (id: string, minutes: number, more: Partial<CloudResource> = {}): CloudResource => {
  return { kind: "droplet", id, name: "opencode-prod", createdAt: at(minutes), ...more };
};
const ids = (things: readonly CloudResource[]) => things.map(({ id }) => id);

describe("a stack's history", () => {
  it("is parsed from the CLI's output, newest first", () => {
    const entry = (startTime: string, endTime: string | undefined, result: string) => {
      return { version: 0, kind: "update", startTime, endTime, result };
    };
    const history = [
      entry(at(0), at(1), "succeeded"),
      entry(at(5), undefined, "in-progress"),
      entry("", "", "failed"),
    ];
    expect(parseHistory(history)).toMatchObject([run(5, 5, false), run(0, 1, true)]);
    expect(parseHistory({})).toEqual([]);
    const made = {
      ...entry(at(0), at(1), "succeeded"),
      resourceChanges: { create: 3, same: 2 },
    };
    expect(parseHistory([made])[0]?.created).toBe(3);
    const replaced = { ...made, resourceChanges: { "create-replacement": 1, replace: 1, same: 9 } };
    expect(parseHistory([replaced])[0]?.created).toBe(2);
  });

  it("requires a look until an update has succeeded", () => {
    expect(failedRuns([run(20, 21, true, "refresh"), failed])).toEqual([failed]);
    expect(failedRuns([run(20, 21, true), failed])).toEqual([]);
    expect(failedRuns([run(20, 21, false, "destroy"), run(12, 13, true), failed])).toHaveLength(1);
  });

  it("ends at a killed engine's last write of the state", () => {
    const pending = [creating("droplet", "opencode-prod")];
    const [window] = suspectWindows([run(-60, -50, true)], deployment({ pending }));
    expect(window).toMatchObject({ from: NOON - 50.5 * MINUTE, to: NOON + 8 * MINUTE });
    expect(window?.only).toEqual([{ type: STATE_TYPES.droplet, name: "opencode-prod" }]);
  });
});

describe("a cloud resource with our name", () => {
  const judge = (things: CloudResource[], state: StateOf = {}, runs: Run[] = [failed]) =>
    classifyResources(things, deployment(state), runs);

  it("is a stray if it was created during a failed update, or shortly after", () => {
    expect(ids(judge([droplet("1", 0), droplet("2", 10), droplet("3", 14)]).strays)).toEqual(["1", "2", "3"]);
  });

  it("is foreign if it is older, younger, or from a successful update", () => {
    const { strays, foreign } = judge([droplet("1", -2), droplet("2", 16)]);
    expect(strays).toEqual([]);
    expect(foreign.map(({ thing }) => thing.id)).toEqual(["1", "2"]);
    expect(judge([droplet("1", 5)], {}, [run(0, 10, true)]).foreign).toHaveLength(1);
    expect(judge([droplet("1", 5)], {}, []).foreign).toHaveLength(1);
  });

  it("is neither if the state has its kind and id", () => {
    const known = [{ kind: "droplet" as const, id: "1" }];
    expect(judge([droplet("1", 5)], { known })).toEqual({ strays: [], foreign: [] });
    const key: CloudResource = { kind: "ssh key", id: "1", name: "opencode-prod", isOwn: true };
    expect(judge([key], { known }).strays).toEqual([key]);
  });

  it("is a stray if a killed engine was creating exactly that", () => {
    const pending = [creating("droplet", "opencode-prod")];
    const firewall: CloudResource = { kind: "firewall", id: "2", name: "opencode-prod", createdAt: at(2) };
    const { strays, foreign } = judge([droplet("1", 2), firewall], { pending }, [run(-9, -8, true)]);
    expect(ids(strays)).toEqual(["1"]);
    expect(foreign.map(({ thing }) => thing.id)).toEqual(["2"]);
    expect(judge([droplet("1", 2)], { pending: [creating("droplet", "other")] }, []).strays).toEqual([]);
  });

  it("is a stray if it was created together with the one in the state, by a provider's retry", () => {
    const known = [{ kind: "droplet" as const, id: "1" }];
    const runs = [run(0, 10, true)];
    expect(ids(judge([droplet("1", 2), droplet("2", 3)], { known }, runs).strays)).toEqual(["2"]);
    // The state is an old copy: an update's forgotten resources are no duplicates.
    expect(judge([droplet("2", 3)], { known }, runs).strays).toEqual([]);
    expect(judge([droplet("1", -90), droplet("2", 3)], { known }, runs).strays).toEqual([]);
  });

  it("is kept while it is in use, and a volume while the state has another", () => {
    const inUse = droplet("1", 5, { inUse: "has a volume attached" });
    expect(judge([inUse]).foreign).toEqual([{ thing: inUse, why: "it has a volume attached" }]);
    const volume: CloudResource = {
      kind: "volume",
      id: "2",
      name: "opencode-prod-workspaces",
      createdAt: at(5),
    };
    expect(ids(judge([volume]).strays)).toEqual(["2"]);
    expect(judge([volume], { known: [{ kind: "volume", id: "9" }] }).strays).toEqual([]);
  });

  it("without a date is a stray only if it is known to be ours and an update has failed", () => {
    const key = (isOwn: boolean): CloudResource => ({
      kind: "ssh key",
      id: "1",
      name: "opencode-prod",
      isOwn,
    });
    expect(ids(judge([key(true)]).strays)).toEqual(["1"]);
    expect(judge([key(false)]).strays).toEqual([]);
    expect(judge([key(true)], {}, [run(0, 10, true)]).strays).toEqual([]);
  });

  it("is removed in a valid order: the network last", () => {
    const thing = (kind: CloudKind): CloudResource => ({ kind, id: kind, name: "n", createdAt: at(5) });
    const kinds: CloudKind[] = ["vpc", "tunnel", "droplet", "DNS record", "volume"];
    expect(ids(judge(kinds.map(thing)).strays)).toEqual(["DNS record", "tunnel", "droplet", "volume", "vpc"]);
  });

  it("is never a stray outside this stack's updates", () => {
    const minute = fc.integer({ min: -600, max: 600 });
    const someRun = fc
      .tuple(minute, fc.nat({ max: 60 }), fc.boolean())
      .map(([from, length, succeeded]) => run(from, from + length, succeeded));
    const someThing = fc
      .record({
        kind: fc.constantFrom(...(Object.keys(STATE_TYPES) as CloudKind[])),
        id: fc.uuid(),
        minutes: minute,
      })
      .map(({ kind, id, minutes }): CloudResource => ({ kind, id, name: "n", createdAt: at(minutes) }));
    fc.assert(
      fc.property(
        fc.array(someThing),
        fc.array(someRun),
        fc.array(fc.nat({ max: 20 })),
        (things, runs, owned) => {
          const known = owned.flatMap((index) => things[index] ?? []);
          const { strays, foreign } = classifyResources(things, deployment({ known }), runs);
          const knownIds = new Set(known.map(({ id }) => id));
          expect(strays.filter(({ id }) => knownIds.has(id))).toEqual([]);
          expect(strays.length + foreign.length).toBe(things.filter(({ id }) => !knownIds.has(id)).length);
          for (const { createdAt = "" } of strays) {
            const made = Date.parse(createdAt);
            expect(runs.some(({ start, end }) => made >= start - MINUTE && made <= end + 5 * MINUTE)).toBe(
              true,
            );
          }
        },
      ),
    );
  });
});

describe("whether to look for strays", () => {
  const state = deployment({ known: [{ kind: "droplet", id: "1" }] });
  const update = { kind: "update", succeeded: true, start: 0, end: 1 };

  it("is true after an update that created something, as providers may have created it twice", () => {
    expect(mayHaveStrays(state, [{ ...update, created: 0 }], false)).toBe(false);
    expect(mayHaveStrays(state, [{ ...update, created: 2 }], false)).toBe(true);
    // A refresh in between does not change that.
    const refresh = { ...update, kind: "refresh", created: 0 };
    expect(mayHaveStrays(state, [refresh, { ...update, created: 2 }], false)).toBe(true);
  });
});

describe("a duplicate policy or service token", () => {
  const names = cloudNames("opencode", "prod");
  const zone = { id: "z", accountId: "a" };
  const made = at(5);
  const token = (id: string) => ({ id, name: names.serviceToken("ci-ssh"), createdAt: made });
  const policy = (id: string) => ({ id, name: names.peoplePolicy, createdAt: made });
  const known = [
    { kind: "Access service token" as const, id: "t1" },
    { kind: "Access policy" as const, id: "p1" },
  ];
  const clouds = (tokens: string[], policies: string[]) => ({
    names,
    domain: "example.com",
    cloudflare: {
      zone: async () => zone,
      serviceTokens: async () => [{ id: "x", name: "somebody's" }, ...tokens.map(token)],
      policies: async () => [{ id: "x", name: "opencode-prod2 people" }, ...policies.map(policy)],
    },
  });

  it("is noticed without a trace in the history", async () => {
    const state = deployment({ known });
    expect(await hasDuplicateAccessResources(clouds(["t1"], ["p1"]), state)).toBe(false);
    expect(await hasDuplicateAccessResources(clouds(["t1", "t2"], ["p1"]), state)).toBe(true);
    expect(await hasDuplicateAccessResources(clouds(["t1"], ["p2", "p1"]), state)).toBe(true);
    expect(await hasDuplicateAccessResources(clouds([], ["t1"]), state)).toBe(true); // the id of another kind
  });

  it("can be a project's own, but not another stack's", async () => {
    const api = (name: string) => ({
      ...clouds([], []),
      cloudflare: {
        zone: async () => zone,
        serviceTokens: async () => [],
        policies: async () => [{ id: "p2", name, createdAt: made }],
      },
    });
    const machines = [names.machinesPolicy("ci-ssh"), names.machinesPolicy("project shop")];
    for (const name of [names.membersPolicy("shop"), names.panelPolicy, ...machines])
      expect(await hasDuplicateAccessResources(api(name), deployment({ known }))).toBe(true);
    for (const name of [names.membersPolicy("Shop of 2"), "opencode-prod2 members of shop"])
      expect(await hasDuplicateAccessResources(api(name), deployment({ known }))).toBe(false);
  });

  it("is looked for among the tokens of every purpose", async () => {
    const has = (name: string) => {
      const serviceTokens = async () => [{ id: "t9", name, createdAt: made }];
      const { cloudflare, ...rest } = clouds([], []);
      return hasDuplicateAccessResources(
        { ...rest, cloudflare: { ...cloudflare, serviceTokens } },
        deployment(),
      );
    };
    expect(await has(names.serviceToken("panel"))).toBe(true);
    expect(await has(names.serviceToken("project shop"))).toBe(true);
    expect(await has("opencode-prod token for something else")).toBe(false);
  });

  it("is only looked for with a token and a zone", async () => {
    const { cloudflare: _, ...without } = clouds(["t2"], []);
    expect(await hasDuplicateAccessResources(without, deployment())).toBe(false);
    const { domain: __, ...nowhere } = clouds(["t2"], []);
    expect(await hasDuplicateAccessResources(nowhere, deployment())).toBe(false);
  });

  it("is a stray, once the update that created both is known", () => {
    const thing = (kind: CloudKind, id: string, minutes: number): CloudResource => {
      return { kind, id, name: names.serviceToken("ci-ssh"), createdAt: at(minutes) };
    };
    const things = [thing("Access service token", "t1", 5), thing("Access service token", "t2", 5)];
    const runs = [run(30, 31, true), run(0, 10, true)];
    expect(ids(classifyResources(things, deployment({ known }), runs).strays)).toEqual(["t2"]);
    const later = [things[0] as CloudResource, thing("Access service token", "t3", 200)];
    expect(
      classifyResources(later, deployment({ known }), runs).foreign.map(({ thing }) => thing.id),
    ).toEqual(["t3"]);
  });
});
