import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Session } from "../../../operate/engine/session.ts";
import type { Forge, Written } from "../../../operate/forge/forge.ts";
import type { Job } from "../../../operate/forge/job.ts";
import type { Previewed } from "../../../operate/forge/previewed.ts";
import type { StateMark } from "../../../operate/state/mark.ts";

/** Simulated results of the engine and the preparing scripts, look after look. */
const stage = vi.hoisted(() => ({
  marks: [] as unknown[],
  previews: [] as unknown[],
  notes: [] as string[],
  hidden: [] as { text: string; fix: string }[],
  canRestore: true,
  images: [] as { image: string; installedAt: Date }[],
}));

vi.mock("node:timers/promises", () => ({ setTimeout: async () => {} }));
vi.mock("../../../operate/state/mark.ts", () => ({ stateMark: async () => stage.marks.shift() }));
vi.mock("../../../operate/forge/previewed.ts", () => ({ previewStack: async () => stage.previews.shift() }));
vi.mock("../../../operate/doctor/examine.ts", () => ({
  findHiddenDrift: async () => stage.hidden,
  findImagePackages: async () => stage.images,
}));
vi.mock("../../../operate/forge/trial.ts", () => ({ tryRestore: async () => stage.canRestore }));
vi.mock("../../../operate/forge/job.ts", () => ({
  prepareJob: async () => {},
  lookAround: async () => stage.notes,
}));

const { driftJob, DRIFTED } = await import("../../../operate/forge/drift.ts");

const mark = (name: string, more: Partial<StateMark> = {}): StateMark => ({
  mark: name,
  isEmpty: false,
  isUnderWay: false,
  ...more,
});
const same: Previewed = {
  succeeded: true,
  plan: { steps: [], unchanged: 9, errors: [], warnings: [] },
  text: "the text",
  explanation: "",
};
const step = { op: "create", urn: "u", type: "a:b:C", name: "c", project: "web", properties: [] } as const;
const different: Previewed = { ...same, plan: { ...same.plan, steps: [step] } };
const failed: Previewed = { ...same, succeeded: false, explanation: "ssh: no route to host" };

/** A forge with only issues. */
function issueBook(): { forge: Forge; open: Map<number, string> } {
  const open = new Map<number, string>();
  const written = (id: number): Written => ({
    id,
    url: `https://forge.example/${id}`,
    body: open.get(id) ?? "",
  });
  const forge: Partial<Forge> = {
    name: "GitHub",
    limit: 60_000,
    async *openIssues() {
      for (const id of open.keys()) yield written(id);
    },
    addIssue: async (_, body) => written(open.set(1, body) && 1),
    closeIssue: async (id) => void open.delete(id),
  };
  return { forge: forge as Forge, open };
}

const jobWith = (forge: Forge): Job => ({
  session: { stack: "prod", isLocal: false } as Session,
  forge,
  runUrl: undefined,
  redact: (text) => text,
  print: () => {},
  printError: () => {},
  onUpdateEvent: () => {},
});

describe("the drift check", () => {
  beforeEach(() => {
    Object.assign(stage, { marks: [], previews: [], notes: [], hidden: [], images: [], canRestore: true });
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("repeats a look that an update has disturbed", async () => {
    const { forge, open } = issueBook();
    stage.marks = [mark("a"), mark("b"), mark("b"), mark("b", { isUnderWay: true }), mark("c"), mark("c")];
    stage.previews = [different, different, same];
    expect(await driftJob(jobWith(forge))).toBe(0);
    expect(open.size).toBe(0);
    expect(stage.previews).toEqual([]);
  });

  it("has no result if every look is disturbed", async () => {
    const { forge, open } = issueBook();
    stage.marks = Array.from({ length: 10 }, (_, index) => mark(String(index)));
    stage.previews = Array.from({ length: 5 }, () => different);
    expect(await driftJob(jobWith(forge))).toBe(0);
    expect(open.size).toBe(0);
    expect(stage.marks).toEqual([]);
  });

  it("reports a lost droplet, though the engine fails without it", async () => {
    const { forge, open } = issueBook();
    stage.marks = [mark("a"), mark("a")];
    stage.previews = [failed];
    stage.notes = ["The droplet opencode-prod is gone."];
    expect(await driftJob(jobWith(forge))).toBe(DRIFTED);
    expect(open.get(1)).toContain("differs from the main branch: The droplet opencode-prod is gone.");
    expect(open.get(1)).toContain("ssh: no route to host");
  });

  it("fails where a backup could not be restored, though nothing differs", async () => {
    Object.assign(stage, { marks: [mark("a"), mark("a")], previews: [same], canRestore: false });
    expect(await driftJob(jobWith(issueBook().forge))).toBe(1);
  });

  it("reports hidden drift without changes of the engine", async () => {
    const { forge, open } = issueBook();
    stage.marks = [mark("a"), mark("a")];
    stage.previews = [same];
    stage.hidden = [
      { text: "route of web: file missing", fix: "npm run pulumi -- up --replace '**web-route'" },
    ];
    expect(await driftJob(jobWith(forge))).toBe(DRIFTED);
    expect(open.get(1)).toContain(
      "route of web: file missing; to fix it: npm run pulumi -- up --replace '**web-route'",
    );
  });

  it("proposes a rebuild of images with old packages in an issue of its own, until they are rebuilt", async () => {
    const { forge, open } = issueBook();
    const check = () => {
      stage.marks = [mark("a"), mark("a")];
      stage.previews = [same];
      return driftJob(jobWith(forge));
    };
    const day = 86_400_000;
    stage.images = [
      { image: "opencode:new", installedAt: new Date(Date.now() - day) },
      { image: "opencode:old", installedAt: new Date(Date.now() - 16 * day) },
    ];
    expect(await check()).toBe(0);
    expect(open.get(1)).toContain("`npm run refresh -- --stack prod`");
    expect(open.get(1)).toContain("`opencode:old`");
    expect(open.get(1)).not.toContain("opencode:new");
    const before = open.get(1);
    expect(await check()).toBe(0);
    expect(open.get(1)).toBe(before);
    stage.images = [];
    await check();
    expect(open.size, "nothing is known of the images").toBe(1);
    stage.images = [{ image: "opencode:new", installedAt: new Date() }];
    await check();
    expect(open.size).toBe(0);
  });

  it("fails when the engine fails for another reason, without touching an issue", async () => {
    const { forge, open } = issueBook();
    open.set(1, "<!-- opencode-platform drift prod x-->\nfrom before");
    stage.marks = [mark("a"), mark("a")];
    stage.previews = [failed];
    await expect(driftJob(jobWith(forge))).rejects.toThrow("can't be checked:\nssh: no route to host");
    expect(open.size).toBe(1);
  });

  it("refuses a stack that was never deployed", async () => {
    stage.marks = [mark("a", { isEmpty: true })];
    await expect(driftJob(jobWith(issueBook().forge))).rejects.toThrow("has never been applied");
  });
});
