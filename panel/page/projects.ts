/** The list of projects: live, filtered, with announced changes. */
import { announce } from "./announce.ts";
import { byId, h, reconcile, setText } from "./dom.ts";
import { matches, stateChanges } from "./listing.ts";
import type { Me, Overview, ProjectView } from "./model.ts";
import { projectRow, type Row, type RowActions } from "./project-row.ts";

const TICK = 30_000;

/** The text of an empty list. */
function emptyText(filter: string, me: Me, create: () => void): HTMLElement {
  if (filter !== "") return h("p", {}, `No project matches “${filter}”.`);
  if (!me.create) {
    return h("p", {}, "No projects found. Ask an admin of the platform to add you to one.");
  }
  return h(
    "div",
    {},
    h("p", { class: "lead" }, "No projects yet."),
    h("p", {}, "A project is an opencode in its own container, with a git workspace and its own URL."),
    h("button", { type: "button", class: "primary", onclick: create }, "Create the first project"),
    h("p", { class: "hint" }, "Or add an entry to projects.yaml, which this page edits too."),
  );
}

export class ProjectList {
  readonly #list = byId("projects");
  readonly #empty = byId("empty");
  readonly #filter = byId<HTMLInputElement>("filter");
  readonly #rows = new Map<string, Row>();
  readonly #acts: RowActions;
  readonly #create: () => void;
  #overview: Overview | undefined;

  constructor(acts: RowActions, create: () => void) {
    this.#acts = acts;
    this.#create = create;
    this.#filter.addEventListener("input", () => this.#show());
    setInterval(() => {
      for (const row of this.#rows.values()) row.tick(Date.now());
    }, TICK);
  }

  get overview(): Overview | undefined {
    return this.#overview;
  }

  /** The current project with a name. */
  find(name: string): ProjectView | undefined {
    return this.#overview?.projects.find((project) => project.name === name);
  }

  set(overview: Overview): void {
    const before = this.#overview?.projects;
    this.#overview = overview;
    const changes = before ? stateChanges(before, overview.projects) : [];
    if (changes.length > 0) announce(changes.slice(0, 3).join(". "));
    this.#show();
  }

  #row(project: ProjectView): Row {
    const there = this.#rows.get(project.name);
    if (there) return there;
    const row = projectRow(project, this.#acts);
    this.#rows.set(project.name, row);
    return row;
  }

  #show(): void {
    if (!this.#overview) return;
    const { projects, me } = this.#overview;
    const filter = this.#filter.value.trim();
    for (const name of this.#rows.keys()) {
      if (!projects.some((project) => project.name === name)) this.#rows.delete(name);
    }
    const shown = projects.filter((project) => matches(project, filter));
    for (const project of shown) this.#row(project).set(project);
    reconcile(
      this.#list,
      shown.map((project) => this.#row(project).element),
    );
    this.#list.setAttribute("aria-busy", "false");
    byId("filter-box").hidden = projects.length === 0;
    byId("new").hidden = !me.create || projects.length === 0;
    setText(
      byId("count"),
      shown.length === projects.length ? `${projects.length}` : `${shown.length} of ${projects.length}`,
    );
    byId("count").hidden = projects.length === 0;
    this.#showEmpty(shown.length === 0, projects.length === 0 ? "" : filter, me);
  }

  #showEmpty(empty: boolean, filter: string, me: Me): void {
    const key = `${filter} ${me.create}`;
    this.#empty.hidden = !empty;
    if (!empty || this.#empty.dataset.key === key) return;
    this.#empty.dataset.key = key;
    this.#empty.replaceChildren(emptyText(filter, me, this.#create));
  }
}
