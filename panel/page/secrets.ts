/** The rows of secrets in the form: a name and a write-only value. */
import { h } from "./dom.ts";
import type { SecretRow } from "./entry.ts";
import { line, problemsOf, secretLine } from "./field.ts";
import type { FieldProblem } from "./model.ts";

interface RowElement {
  readonly element: HTMLElement;
  readonly name: HTMLInputElement;
  readonly value: HTMLInputElement;
  readonly problems: Record<"name" | "value", ReturnType<typeof problemsOf>>;
}

/** The list of secrets. */
export class SecretRows {
  readonly element: HTMLFieldSetElement;
  readonly add: HTMLButtonElement;
  readonly #list = h("div", { class: "secrets" });
  readonly #problems: ReturnType<typeof problemsOf>;
  readonly #changed: () => void;
  readonly #stored: ReadonlySet<string>;
  readonly #canSet: boolean;
  #rows: RowElement[] = [];

  /**
   * @param stored names with a stored value, which an empty field keeps
   * @param command how values are set where this panel can't
   * @param changed called when a row is added or removed
   */
  constructor(stored: ReadonlySet<string>, command: string | undefined, changed: () => void) {
    this.#stored = stored;
    this.#canSet = command === undefined;
    this.#changed = changed;
    this.add = h(
      "button",
      { type: "button", class: "small", onclick: () => this.#added() },
      "+ Add a secret",
    );
    const hint = h(
      "p",
      { class: "hint" },
      `Environment variables of opencode, such as ANTHROPIC_API_KEY. ${
        command === undefined
          ? "Values go to the stack's encrypted secrets, never into projects.yaml. If empty: the stored value, or the shared one."
          : `A pipeline applies this platform, and whoever maintains it sets values before they are named here: ${command}`
      }`,
    );
    this.element = h("fieldset", {}, h("legend", {}, "Secrets"), hint, this.#list, this.add);
    this.#problems = problemsOf(this.element);
    this.element.append(this.#problems.element);
  }

  get values(): SecretRow[] {
    return this.#rows.map(({ name, value }) => ({ name: name.value, value: value.value }));
  }

  set(rows: readonly SecretRow[]): void {
    this.#rows = [];
    this.#list.replaceChildren();
    for (const row of rows) this.#append(row);
  }

  /** The control of a field such as "secret-name:2"; the button for "secrets". */
  control(place: string): HTMLElement | undefined {
    if (place === "secrets") return this.add;
    const [, part, index] = /^secret-(name|value):(\d+)$/.exec(place) ?? [];
    return this.#rows[Number(index)]?.[part as "name" | "value"];
  }

  setProblems(problemsAt: (place: string) => readonly FieldProblem[]): void {
    this.#problems.setProblems(problemsAt("secrets"));
    this.#rows.forEach(({ problems }, index) => {
      problems.name.setProblems(problemsAt(`secret-name:${index}`));
      problems.value.setProblems(problemsAt(`secret-value:${index}`));
    });
  }

  #added(): void {
    this.#append({ name: "", value: "" }).name.focus();
  }

  #append(secret: SecretRow): RowElement {
    const name = line({ placeholder: "NAME", "aria-label": "Name of the secret" });
    const value = secretLine(this.#placeholder(secret.name));
    const label = () => value.setAttribute("aria-label", `Value of ${name.value || "the secret"}`);
    value.disabled = !this.#canSet;
    name.value = secret.name;
    value.value = secret.value;
    label();
    name.addEventListener("input", label);
    const problems = { name: problemsOf(name), value: problemsOf(value) };
    const off = h("button", { type: "button", class: "quiet", "aria-label": "Remove this secret" }, "✕");
    const element = h(
      "div",
      { class: "secret" },
      name,
      value,
      off,
      problems.name.element,
      problems.value.element,
    );
    const row = { element, name, value, problems };
    off.addEventListener("click", () => this.#removeRow(row));
    this.#rows.push(row);
    this.#list.append(element);
    return row;
  }

  #placeholder(name: string): string {
    if (!this.#canSet) return "set by a maintainer";
    return this.#stored.has(name) ? "stored; type to replace it" : "value";
  }

  #removeRow(row: RowElement): void {
    const index = this.#rows.indexOf(row);
    this.#rows = this.#rows.filter((other) => other !== row);
    row.element.remove();
    (this.#rows[Math.min(index, this.#rows.length - 1)]?.name ?? this.add).focus();
    this.#changed();
  }
}
