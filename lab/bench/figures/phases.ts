import { type FigureSpec, projectsInWords } from "../lib/fixture.ts";
import { type Phase, phases } from "../lib/phases.ts";

export const phasesOfNoop: FigureSpec = {
  name: "phases",
  title: "Where an update's time goes",
  notes: [
    "`pulumi up --skip-preview` with nothing to do, from the engine's own log (`-v=9 --logtostderr`), which takes a little time itself. The phases add up to the whole update.",
    "Plugins start one at a time, each at its first resource.",
  ],
  sizes: [1, 50],
  beside: false,

  async measure({ platform, rounds }, projects) {
    const runs: Phase[][] = [];
    for (let round = 0; round <= rounds; round++) {
      const began = performance.timeOrigin + performance.now();
      const { stderr } = await platform.noop("--skip-preview", "-v=9", "--logtostderr");
      const ended = performance.timeOrigin + performance.now();
      if (round > 0) runs.push(phases(stderr, began, ended));
    }
    const names = [...new Set(runs.flat().map(({ name }) => name))];
    return names.map((name, index) => ({
      what: index === 0 ? projectsInWords(projects) : "",
      unit: "time" as const,
      series: [
        {
          name,
          values: runs
            .flat()
            .filter((phase) => phase.name === name)
            .map(({ ms }) => ms),
        },
      ],
    }));
  },
};
