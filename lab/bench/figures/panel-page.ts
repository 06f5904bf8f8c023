import type { FigureSpec, Fixture } from "../lib/fixture.ts";
import { Panel } from "../lib/panel.ts";
import { projectName } from "../lib/platform.ts";
import type { Comparison } from "../lib/report.ts";
import { each, takeTurns } from "../lib/rounds.ts";
import { type Visited, Visitor } from "../lib/visit.ts";

/** Visits per round. */
const VISITS = 2;

export const panelPage: FigureSpec = {
  name: "panel",
  title: "The panel's page",
  notes: [
    "A first visit in Chromium, in a new profile with an empty cache, to the page of a platform of 10 projects; compared with opencode's own page of the first project, through Traefik from a container with one CPU. Chromium, both servers and the measurement share the machine's cores.",
    "Usable: from the navigation until the list shows every project and the button for a new one, or until opencode's prompt accepts input, checked on each frame. Then the button is clicked and must open the form, or typed text must appear.",
    "On the wire: all responses as Chromium counts them, including headers, until half a second without traffic. Data: what the page loads to show, such as the list of projects, which grows with them. Files, br and gzip: the files' bodies in a Chromium that only accepts that encoding; uncompressed responses count as they are. The goal for the panel's page is 60 kB compressed.",
  ],
  sizes: [10],
  beside: false,

  async measure(fixture, projects) {
    const panel = await Panel.start(fixture);
    const visitor = await Visitor.start(fixture.cleaning);
    try {
      const ways = [
        { name: "opencode's page", page: pageOfOpencode(fixture) },
        { name: "the panel's page", page: pageOfPanel(panel, projects) },
      ];
      const visit = (rounds: number, encoding?: "br" | "gzip") =>
        takeTurns(
          ways.map(({ name, page }) => ({ name, run: () => visitor.visit(page, encoding) })),
          rounds,
        );
      const weigh = async (encoding: "br" | "gzip"): Promise<Comparison> => ({
        what: `files, ${encoding}`,
        unit: "weight",
        series: each(await visit(1, encoding), ({ bodies }) => bodies),
      });
      const visits = await visit(VISITS * fixture.rounds);
      return [
        { what: "until it can be used", unit: "time", series: each(visits, ({ usable }) => usable) },
        { what: "files and data, on the wire", unit: "weight", series: each(visits, ({ wire }) => wire) },
        { what: "files, on the wire", unit: "weight", series: each(visits, ({ files }) => files) },
        await weigh("br"),
        await weigh("gzip"),
      ];
    } finally {
      await visitor.end();
      await panel.end();
    }
  },
};

function pageOfOpencode({ platform }: Fixture): Visited {
  const prompt = '[contenteditable="true"]';
  const text = "Is this typed?";
  return {
    url: `http://${platform.urls.hostname(projectName(1))}:${platform.port}/`,
    usable: `[...document.querySelectorAll('${prompt}')].some((prompt) => prompt.checkVisibility())`,
    async use(page) {
      await page.locator(prompt).first().click();
      await page.keyboard.type(text);
      await page.locator(prompt).filter({ hasText: text }).first().waitFor();
    },
  };
}

function pageOfPanel({ url, headers }: Panel, projects: number): Visited {
  const rows = `document.querySelectorAll("#projects > li").length === ${projects}`;
  return {
    url: `${url}/`,
    headers,
    usable: `${rows} && document.getElementById("new").checkVisibility()`,
    async use(page) {
      await page.getByRole("button", { name: "New project" }).click();
      await page.getByLabel("Name", { exact: true }).waitFor();
    },
  };
}
