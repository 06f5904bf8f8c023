/** The dialog for going back to the release of opencode that a project had before. */
import { getRollback, goBack } from "./api.ts";
import { openDialog } from "./dialog.ts";
import { h } from "./dom.ts";
import type { Operation, Rollback } from "./model.ts";
import { exactTime, sessionNames } from "./words.ts";

/** What going back means. */
function planElements(name: string, { release, madeAt, left }: Rollback): HTMLElement[] {
  const time = h("time", { datetime: madeAt }, exactTime(madeAt));
  return [
    h("p", {}, `${name} goes back to opencode ${release}, with its sessions as they were on `, time, "."),
    ...leftElements(left),
    h("p", { class: "hint" }, "Its sessions as they are now stay in the project's home, as a copy."),
  ];
}

/** The sessions that are left behind. */
function leftElements(left: Rollback["left"]): HTMLElement[] {
  if (!left)
    return [
      h("p", {}, "Sessions used since are left behind. opencode is not responding and can't name them."),
    ];
  if (left.length === 0) return [h("p", {}, "No session was used since.")];
  const names = sessionNames(left).map((session) => h("li", {}, session));
  return [h("p", {}, "These sessions were used since, and are left behind:"), h("ul", {}, ...names)];
}

class RollbackDialog {
  readonly #name: string;
  readonly #begun: (operation: Operation) => void;
  readonly #plan = h("div", { class: "plan", "aria-live": "polite" });
  readonly #alert = h("p", { class: "alert", role: "alert", hidden: true });
  readonly #cancel = h("button", { type: "button", onclick: () => this.#close() }, "Cancel");
  readonly #confirm = h("button", { type: "submit", class: "primary", hidden: true }, "Go back");
  readonly #close: () => void;
  /** The release that is shown. */
  #release = "";

  constructor(name: string, begun: (operation: Operation) => void) {
    this.#name = name;
    this.#begun = begun;
    const { body, close } = openDialog(`Take ${name} back to an earlier opencode?`, {
      role: "alertdialog",
      class: "narrow",
    });
    this.#close = close;
    const buttons = h("footer", {}, this.#cancel, this.#confirm);
    const form = h("form", { novalidate: true }, this.#plan, this.#alert, buttons);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#confirm.hidden) void this.#submit();
    });
    body.append(form);
    this.#cancel.focus();
    void this.#look();
  }

  async #look(): Promise<void> {
    this.#confirm.hidden = true;
    this.#plan.replaceChildren(h("p", {}, "Looking for the copy of its sessions …"));
    try {
      const found = await getRollback(this.#name);
      this.#release = found.release;
      this.#plan.replaceChildren(...planElements(this.#name, found));
      this.#confirm.hidden = false;
    } catch (error) {
      this.#plan.replaceChildren();
      this.#show(error);
    }
  }

  async #submit(): Promise<void> {
    this.#confirm.disabled = true;
    this.#alert.hidden = true;
    try {
      const operation = await goBack(this.#name, this.#release);
      this.#close();
      this.#begun(operation);
    } catch (error) {
      this.#show(error);
      this.#cancel.focus();
      // What was confirmed may no longer be what would happen.
      await this.#look();
    } finally {
      this.#confirm.disabled = false;
    }
  }

  #show(error: unknown): void {
    this.#alert.textContent = error instanceof Error ? error.message : String(error);
    this.#alert.hidden = false;
  }
}

/** Opens the dialog, which takes the project back to the release that it shows. */
export function openRollback(name: string, begun: (operation: Operation) => void): void {
  new RollbackDialog(name, begun);
}
