/** The dialog of a project's backups and checkpoints, and of forks. */

import { openAsk } from "./ask.ts";
import {
  backUp,
  dropCheckpoint,
  fork,
  getBackups,
  makeCheckpoint,
  restore,
  rollBack,
} from "./backups-api.ts";
import { openDialog } from "./dialog.ts";
import { type Child, h } from "./dom.ts";
import { field, line } from "./field.ts";
import type { Backups, Operation } from "./model.ts";
import { ago, bytes, exactTime } from "./words.ts";

type Begun = (operation: Operation) => void;

const timeOf = (at: string) =>
  h("time", { class: "when", datetime: at, title: exactTime(at) }, ago(at, Date.now()) ?? at);

const button = (label: string, act: () => void, about?: string) =>
  h("button", { type: "button", "aria-label": about && `${label} ${about}`, onclick: act }, label);

const acts = (...buttons: HTMLElement[]) => h("div", { class: "acts" }, ...buttons);

/** A list, or what is said without items. */
const listOf = (items: readonly HTMLElement[], none: string) =>
  items.length > 0 ? h("ol", { class: "history" }, ...items) : h("p", {}, none);

class BackupsDialog {
  readonly #name: string;
  readonly #begun: Begun;
  readonly #body: HTMLElement;
  readonly #close: () => void;

  constructor(name: string, begun: Begun) {
    this.#name = name;
    this.#begun = begun;
    const { body, close } = openDialog(`Backups of ${name}`);
    this.#body = body;
    this.#close = close;
    void this.#show();
  }

  async #show(): Promise<void> {
    this.#body.replaceChildren(h("p", { role: "status" }, "Looking …"));
    try {
      const found = await getBackups(this.#name);
      this.#body.replaceChildren(...this.#elements(found).filter((child) => child instanceof Node));
    } catch (error) {
      this.#body.replaceChildren(
        h("p", { class: "alert", role: "alert" }, error instanceof Error ? error.message : String(error)),
      );
    }
  }

  /** What is begun is shown by its card, and goes on when this is closed. */
  #begin(operation: Operation): void {
    this.#close();
    this.#begun(operation);
  }

  #ask(
    title: string,
    children: readonly Child[],
    label: string,
    call: () => Promise<Operation>,
    isDanger = false,
  ) {
    const look = { label, ...(isDanger ? { class: "danger" } : {}) };
    openAsk(title, children, look, async () => this.#begin(await call()));
  }

  #elements(found: Backups): Child[] {
    const { setUp, everyMs, to, problem, running, isSnapshot, backups, checkpoints } = found;
    const name = this.#name;
    const place = to === undefined ? "" : ` to ${to}`;
    const every = everyMs === undefined ? "" : ` every ${Math.round(everyMs / 3_600_000)} h`;
    return [
      running && h("p", { role: "status" }, `${running.what} since ${exactTime(running.since)}.`),
      problem !== undefined && h("p", { class: "alert" }, `${problem}.`),
      h(
        "p",
        {},
        setUp ? `It is backed up${every}${place}.` : "This platform has no backups: an admin sets them up.",
      ),
      setUp &&
        acts(
          button("Back up now", () =>
            this.#ask(
              `Back up ${name} now?`,
              [h("p", {}, "It goes on working meanwhile. One that sleeps is not woken.")],
              "Back up",
              () => backUp(name),
            ),
          ),
        ),
      setUp &&
        listOf(
          backups.map((backup) => this.#backup(backup)),
          "There is no backup yet.",
        ),
      h("h3", {}, "Checkpoints"),
      h(
        "p",
        { class: "hint" },
        `The project as it was, on the same disk${isSnapshot ? ": they take no time, and only the room of what has changed since" : ", as copies"}. They are lost with the disk.`,
      ),
      acts(
        button("Make a checkpoint …", () => this.#newCheckpoint()),
        button("Fork …", () => this.#fork(isSnapshot)),
      ),
      listOf(
        checkpoints.map((checkpoint) => this.#checkpoint(checkpoint)),
        "There is no checkpoint yet.",
      ),
    ];
  }

  #backup({ id, at, bytes: size, release, reason, isEarlier }: Backups["backups"][number]): HTMLElement {
    const name = this.#name;
    const earlier = isEarlier && "of an earlier project of this name";
    const about = [bytes(size), release && `opencode ${release}`, reason, earlier].filter(Boolean).join(", ");
    const when = exactTime(at);
    const into = field("Name of the new project", line({ value: `${name}-restored` }));
    return h(
      "li",
      {},
      timeOf(at),
      h("p", {}, about),
      acts(
        button(
          "Restore …",
          () =>
            this.#ask(
              `Restore ${name}?`,
              [
                h("p", {}, `Files, sessions and services of ${name} become those of ${when}.`),
                h(
                  "p",
                  { class: "hint" },
                  "What is there now is backed up first. The project is stopped for a moment; if anything fails, it goes on as it is now.",
                ),
              ],
              "Restore",
              () => restore(name, id),
              true,
            ),
          `the backup of ${when}`,
        ),
        button(
          "As a new project …",
          () =>
            this.#ask(
              `Restore ${name} as a new project`,
              [
                h("p", {}, `With a copy of its entry and secrets, as of ${when}. ${name} stays as it is.`),
                into.element,
              ],
              "Restore",
              () => restore(name, id, (into.control as HTMLInputElement).value.trim()),
            ),
          `the backup of ${when}`,
        ),
      ),
    );
  }

  #checkpoint({ id, at, label, reason, bytes: size }: Backups["checkpoints"][number]): HTMLElement {
    const name = this.#name;
    const about = [label, reason, size !== undefined && bytes(size)].filter(Boolean).join(", ");
    return h(
      "li",
      {},
      timeOf(at),
      h("p", {}, about),
      acts(
        button(
          "Roll back …",
          () =>
            this.#ask(
              `Take ${name} back to ${label}?`,
              [
                h("p", {}, `Files, sessions and services of ${name} become those of ${exactTime(at)}.`),
                h(
                  "p",
                  { class: "hint" },
                  "What is there now is kept as the checkpoint before-rollback. The project is stopped for a moment.",
                ),
              ],
              "Roll back",
              () => rollBack(name, id),
              true,
            ),
          `to ${label}`,
        ),
        button(
          "Delete …",
          () =>
            this.#ask(
              `Delete the checkpoint ${label}?`,
              [h("p", {}, `${name} stays as it is.`)],
              "Delete",
              () => dropCheckpoint(name, id),
              true,
            ),
          `the checkpoint ${label}`,
        ),
      ),
    );
  }

  #newCheckpoint(): void {
    const label = field("Label", line(), "Lower-case letters, digits and hyphens; may be empty.");
    this.#ask(`Make a checkpoint of ${this.#name}`, [label.element], "Make it", () =>
      makeCheckpoint(this.#name, (label.control as HTMLInputElement).value.trim() || undefined),
    );
  }

  #fork(isSnapshot: boolean): void {
    const name = this.#name;
    const to = field("Name of the new project", line({ value: `${name}-try` }));
    const logins = h("input", { type: "checkbox" });
    this.#ask(
      `Fork ${name}`,
      [
        h(
          "p",
          {},
          `A project of its own that begins as ${name} is now: entry, secrets, files, sessions and services, on a git branch of its own. ${isSnapshot ? "It takes no room until one of them changes." : "All of it is copied."}`,
        ),
        to.element,
        h("label", { class: "check" }, logins, "With its log-ins at providers and forges"),
      ],
      "Fork",
      () => fork(name, (to.control as HTMLInputElement).value.trim(), logins.checked),
    );
  }
}

/** Opens the dialog. What is begun in it is shown as any operation. */
export function openBackups(name: string, begun: Begun): void {
  new BackupsDialog(name, begun);
}
