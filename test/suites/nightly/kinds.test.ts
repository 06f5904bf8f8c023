/**
 * A stack switches from stand-in plugins to official ones and back, without replacements. Only in suites with
 * official plugins (vitest.config.ts).
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TRAEFIK_IMAGE } from "../../../config/versions.ts";
import { inState, putToSleep, stateOf } from "../../support/keeper.ts";
import { type Entry, Platform } from "../../support/platform.ts";
import { type Kind, layOutKinds, OFFICIAL_PLUGINS } from "../../support/plugin-kinds.ts";
import { answering } from "../../support/ready.ts";
import type { Ran } from "../../support/run.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

const platform = new Platform();
const folder = temporaryFolder();
const idle: Entry = { name: "idle", state: "stopped" };
let kinds: Readonly<Record<Kind, NodeJS.ProcessEnv>>;
const own = { ...process.env };

/** Runs `run` with one kind of plugins. */
async function withKind<T>(kind: Kind, run: () => Promise<T>): Promise<T> {
  Object.assign(process.env, kinds[kind]);
  try {
    return await run();
  } finally {
    Object.assign(process.env, own);
  }
}

const start = (kind: Kind): Promise<Ran> => withKind(kind, () => platform.npm("start"));

/** `npm start` refreshes and updates: with the other kind it must find no changes. */
async function expectNothingToChange(kind: Kind): Promise<void> {
  const before = await platform.ids();
  const { code, output } = await start(kind);
  expect(code, output).toBe(0);
  expect(output).toContain("No changes");
  expect(output).not.toMatch(/panic|goroutine/);
  expect(await platform.ids()).toEqual(before);
}

describe("both kinds of plugin, with one state", () => {
  beforeAll(async () => {
    const toolchain = process.env.OPENCODE_PLATFORM_TOOLCHAIN ?? platform.path(".toolchain");
    kinds = await layOutKinds(folder, OFFICIAL_PLUGINS ?? "", toolchain);
    await platform.apply([...platform.baseline(), idle]);
    await answering(platform, "alpha");
  });

  afterAll(async () => {
    await platform.reset();
    removeFolder(folder);
  });

  it("the engine uses the requested kind", async () => {
    const doctor = await withKind("official", () => platform.npm("run", "doctor"));
    expect(doctor.output).toMatch(/plugins: official/);
    expect((await platform.npm("run", "doctor")).output).toContain("plugins: stand-in plugins");
  });

  // First what the stand-ins created, then what each kind wrote after the other.
  for (const kind of ["official", "stand-in", "official", "stand-in"] as const) {
    it(`${kind} plugins take over the stack without changes`, () => expectNothingToChange(kind));
  }

  for (const kind of ["official", "stand-in"] as const) {
    it(`a sleeping project is no change for ${kind} plugins, and comes up awake when they replace it`, async () => {
      await putToSleep(platform, "alpha");
      await expectNothingToChange(kind);
      expect(await stateOf(platform, "alpha")).toBe("asleep");
      const [, ...others] = platform.baseline();
      const before = await platform.ids();
      await withKind(kind, () =>
        platform.apply([{ ...platform.baseline()[0], name: "alpha", env: { BY: kind } }, ...others, idle]),
      );
      expect((await platform.ids())[platform.container("alpha")]).not.toBe(
        before[platform.container("alpha")],
      );
      await inState(platform, "alpha", "awake");
      await answering(platform, "alpha");
    });
  }

  for (const [kind, other] of [
    ["official", "stand-in"],
    ["stand-in", "official"],
  ] as const) {
    it(
      `resources created and changed by ${kind} plugins are unchanged for ${other} ones`,
      async () => {
        const entries: Entry[] = [
          ...platform.baseline(),
          idle,
          {
            name: "fresh",
            env: { MADE_BY: kind },
            git: { auth: "none" },
            ports: [3000],
            packages: ["hello"],
            services: { proxy: { image: TRAEFIK_IMAGE, command: ["--ping=true"], volume: "/data" } },
          },
        ];
        await withKind(kind, () => platform.apply(entries));
        const larger = { resources: { memory: "1536MiB" } };
        await withKind(kind, () =>
          platform.apply(entries.map((entry) => (entry.name === "fresh" ? { ...entry, ...larger } : entry))),
        );
        await expectNothingToChange(other);
        // The other kind also removes it.
        await withKind(other, () => platform.apply([...platform.baseline(), idle]));
        expect(Object.keys(await platform.ids())).not.toContain(platform.container("fresh"));
      },
      15 * 60_000,
    );
  }
});
