import { type FigureSpec, projectsInWords } from "../lib/fixture.ts";
import { takeTurns, timed } from "../lib/rounds.ts";

export const noop: FigureSpec = {
  name: "noop",
  title: "A no-op update",
  notes: [
    "Two projects run; the others are stopped. Compose has no stopped state: there, the others run `sleep` in the same image with the same labels, limits and volumes.",
    "`pulumi up` with a preview is the default at a terminal; `npm start` runs it without.",
  ],
  sizes: [1, 10, 50],
  beside: true,

  async measure({ platform, compose, rounds }, projects) {
    const series = await takeTurns(
      [
        { name: "docker compose up -d", run: () => timed(() => compose.noop()) },
        { name: "pulumi up --skip-preview", run: () => timed(() => platform.noop("--skip-preview")) },
        { name: "pulumi up (with preview)", run: () => timed(() => platform.noop()) },
      ],
      rounds,
    );
    return [{ what: projectsInWords(projects), unit: "time", series }];
  },
};
