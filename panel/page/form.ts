/** The form that creates or edits a project. Input is kept on errors. */

import { announce } from "./announce.ts";
import { change, check, create, getOperations, getProjects, HttpError } from "./api.ts";
import { type Opened, openDialog } from "./dialog.ts";
import { h } from "./dom.ts";
import {
  changesOf,
  entryOf,
  type Fields,
  fieldsOf,
  hiddenKeys,
  mergeChanges,
  same,
  secretValuesOf,
} from "./entry.ts";
import { type FormFields, formFields } from "./form-fields.ts";
import { askLeftover, type LeftoverQuestion } from "./leftover.ts";
import type { Entry, FieldProblem, Leftover, Me, Operation } from "./model.ts";
import { errorsByField, type FieldErrors, sentence } from "./problems.ts";
import { changedBy } from "./progress.ts";

const PAUSE = 350;

/** Options of the form. */
export interface FormOptions {
  readonly me: Me;
  /** The stack's name. */
  readonly stack: string;
  /** The entry to edit and its version of the file; undefined for a new project. */
  readonly edited?: { readonly entry: Entry; readonly version: string };
  /** Called with the submitted operation. */
  onSubmitted(operation: Operation): void;
}

/** Masks values for a check: the real ones are sent only when the form is submitted. */
const hidden = (values: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.keys(values).map((name) => [name, "•"]));

class ProjectForm {
  readonly #begun: (operation: Operation) => void;
  readonly #isNew: boolean;
  readonly #fields: FormFields;
  readonly #opened: Opened;
  readonly #openedAt = Date.now();
  readonly #alert = h("div", { class: "alert", role: "alert", tabindex: "-1", hidden: true });
  /** Where a name that was used before is asked about. */
  readonly #question = h("div", {});
  readonly #save: HTMLButtonElement;
  readonly #touched = new Set<string>();
  readonly #initial: Fields;
  #base: Entry;
  #version: string;
  #leftover: LeftoverQuestion | undefined;
  #submitted = false;
  #confirmedClose = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #checking: AbortController | undefined;

  constructor({ me, stack, edited, onSubmitted }: FormOptions) {
    this.#begun = onSubmitted;
    this.#isNew = edited === undefined;
    this.#base = edited?.entry ?? { name: "" };
    this.#version = edited?.version ?? "";
    const secretsCommand = me.secrets
      ? undefined
      : `npm run pulumi -- config set --secret secrets:${this.#base.name || "<project>"}/<NAME> --stack ${stack}`;
    this.#fields = formFields(
      { isNew: this.#isNew, limits: me.admin, secretsCommand },
      new Set(this.#base.secrets),
      () => this.#scheduleCheck(),
    );
    this.#save = h("button", { type: "submit", class: "primary" }, this.#isNew ? "Create" : "Save");
    this.#opened = openDialog(this.#isNew ? "New project" : `Edit ${this.#base.name}`, {
      class: "form",
      may: () => this.#canClose(),
      closed: () => this.#stop(),
    });
    this.#fields.fill(fieldsOf(edited?.entry));
    this.#initial = this.#fields.read();
    this.#opened.body.append(this.#form());
    this.#fields.control(this.#isNew ? "name" : "repo")?.focus();
  }

  #form(): HTMLFormElement {
    const kept = hiddenKeys(this.#base);
    const cancel = h("button", { type: "button", onclick: () => this.#opened.close() }, "Cancel");
    const form = h(
      "form",
      { novalidate: true, autocomplete: "off" },
      ...this.#fields.elements,
      kept.length > 0 && h("p", { class: "hint" }, `Not in this form, kept unchanged: ${kept.join(", ")}.`),
      this.#question,
      this.#alert,
      h("footer", {}, cancel, this.#save),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
    form.addEventListener("input", (event) => this.#onInput(event.target));
    return form;
  }

  /** Asks for a second close before unsaved input is discarded. */
  #canClose(): boolean {
    if (this.#confirmedClose || same(this.#fields.read(), this.#initial)) return true;
    this.#confirmedClose = true;
    this.#showAlert("Not saved. Close again to discard your changes.");
    return false;
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#checking?.abort();
  }

  #onInput(target: EventTarget | null): void {
    const place = this.#fields.placeOf(target);
    if (place !== undefined) this.#touched.add(place);
    this.#confirmedClose = false;
    this.#scheduleCheck();
  }

  #scheduleCheck(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#check(), PAUSE);
  }

  get #entry(): Entry {
    return entryOf(this.#fields.read(), this.#base);
  }

  /** Checks the entry while a person types. Errors of the request are ignored until the form is submitted. */
  async #check(): Promise<void> {
    this.#checking?.abort();
    const checking = new AbortController();
    this.#checking = checking;
    const fields = this.#fields.read();
    const replaces = this.#isNew ? undefined : this.#base.name;
    const body = { entry: this.#entry, secretValues: hidden(secretValuesOf(fields)), replaces };
    const problems = await check(body, checking.signal).catch(() => undefined);
    if (problems && !checking.signal.aborted) this.#show(problems);
  }

  /** Shows problems at their fields: only at edited ones until the form is submitted. */
  #show(problems: readonly FieldProblem[]): FieldErrors {
    const rows = this.#fields.read().secrets.map(({ name }) => name.trim());
    const sorted = errorsByField(problems, this.#entry, rows);
    this.#fields.show(sorted, (place) => this.#submitted || this.#touched.has(place));
    return sorted;
  }

  #showAlert(text: string, ...more: readonly HTMLElement[]): void {
    this.#alert.replaceChildren(h("p", {}, text), ...more);
    this.#alert.hidden = text === "";
    if (text !== "") this.#alert.scrollIntoView({ block: "nearest" });
  }

  #send(fields: Fields): Promise<Operation> | undefined {
    const values = secretValuesOf(fields);
    if (this.#isNew) return create(this.#entry, values, this.#leftover?.answer);
    const changes = changesOf(this.#base, fields);
    if (Object.keys(changes).length === 0 && Object.keys(values).length === 0) return undefined;
    return change(this.#base.name, changes, values, this.#version);
  }

  async #submit(again = true): Promise<void> {
    this.#stop();
    this.#submitted = true;
    this.#showAlert("");
    if (this.#leftover?.name !== this.#entry.name) this.#ask(undefined);
    else if (this.#leftover.answer === undefined) return this.#leftover.complain();
    this.#save.disabled = true;
    try {
      const operation = await this.#send(this.#fields.read());
      this.#opened.close();
      if (operation) this.#begun(operation);
    } catch (error) {
      await this.#failed(error, again);
    } finally {
      this.#save.disabled = false;
    }
  }

  async #failed(error: unknown, again: boolean): Promise<void> {
    if (!(error instanceof HttpError))
      return this.#showAlert(error instanceof Error ? error.message : String(error));
    if (error.status === 409 && !this.#isNew) return this.#conflict(error, again);
    if (error.status === 409 && error.problem.leftover) return this.#ask(error.problem.leftover);
    const { fields, others } = this.#show(error.problem.errors ?? []);
    const list = others.map((problem) => h("p", {}, `${problem.path}: ${sentence(problem)}`));
    if (fields.size === 0 || others.length > 0) this.#showAlert(error.message, ...list);
    this.#focusFirst([...fields.keys()]);
  }

  /** Asks what happens with what an earlier project of this name left behind; with undefined, no longer. */
  #ask(leftover: Leftover | undefined): void {
    this.#leftover = leftover && askLeftover(this.#entry.name, leftover);
    this.#question.replaceChildren(...(this.#leftover ? [this.#leftover.element] : []));
    if (!this.#leftover) return;
    announce("Nothing was created yet: this name was used before.");
    this.#leftover.element.scrollIntoView({ block: "nearest" });
    this.#leftover.focus();
  }

  /** Focuses the first field with a problem, in page order; if none, the alert. */
  #focusFirst(places: readonly string[]): void {
    const controls = places
      .map((place) => this.#fields.control(place))
      .filter((control) => control !== undefined);
    const inOrder = controls.sort((one, other) =>
      one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1,
    );
    const first = inOrder[0] ?? this.#alert;
    first.focus();
    if (places.length > 1) announce(`${places.length} fields need a change`);
  }

  /** The version is stale. If this entry is unchanged, submits again with the current version. */
  async #conflict(error: HttpError, again: boolean): Promise<void> {
    const [now, operations] = await Promise.all([getProjects(), getOperations()]);
    const entry = now.projects.find(({ name }) => name === this.#base.name)?.entry;
    if (!entry)
      return this.#showAlert(`${this.#base.name} is no longer in projects.yaml: it was deleted meanwhile.`);
    if (again && same(entry, this.#base)) {
      this.#version = now.version;
      return this.#submit(false);
    }
    const who = changedBy(operations, this.#base.name, this.#openedAt);
    const reload = h(
      "button",
      { type: "button", class: "small", onclick: () => this.#rebase(entry, now.version) },
      "Load the change, keep my input",
    );
    this.#showAlert(
      who
        ? `${who} changed this entry meanwhile. Nothing was saved.`
        : "This entry was changed in projects.yaml meanwhile. Nothing was saved.",
      reload,
    );
    reload.focus();
    if (!same(error.message, "")) this.#alert.title = error.message;
  }

  #rebase(entry: Entry, version: string): void {
    const { fields, conflicts } = mergeChanges(this.#base, this.#fields.read(), entry);
    this.#base = entry;
    this.#version = version;
    this.#fields.fill(fields);
    for (const { field, remote: theirs } of conflicts) {
      this.#fields.note(field, theirs === "" ? "Removed meanwhile." : `Changed meanwhile to: ${theirs}`);
    }
    const first = conflicts[0]?.field;
    this.#showAlert(
      first
        ? "Loaded. Fields that both changed keep your value and show the other one: review, then save."
        : "Loaded. Your input is kept: review, then save.",
    );
    (first ? this.#fields.control(first) : this.#save)?.focus();
    this.#scheduleCheck();
  }
}

/** Opens the form. */
export function openForm(beginning: FormOptions): void {
  new ProjectForm(beginning);
}
