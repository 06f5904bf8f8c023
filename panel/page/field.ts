/** A form field: label, control, hint, note and problems. */
import { attribute, h } from "./dom.ts";
import type { FieldProblem } from "./model.ts";
import { sentence } from "./problems.ts";

export type Control = HTMLInputElement | HTMLTextAreaElement | HTMLFieldSetElement;

export interface Field {
  readonly element: HTMLElement;
  readonly control: Control;
  /** Shows problems; an empty list hides them. */
  setProblems(problems: readonly FieldProblem[]): void;
  /** Shows a note; an empty text hides it. */
  setNote(text: string): void;
}

let count = 0;

/**
 * The problems and note below a control, linked by aria-describedby.
 * Not a live region, which would interrupt a screen reader at every key.
 */
export function problemsOf(control: HTMLElement, described: readonly string[] = []) {
  const id = `problem-${++count}`;
  const note = h("p", { class: "note", id: `note-${count}`, hidden: true });
  const element = h("p", { class: "problem", id, hidden: true });
  const describe = () => {
    const ids = [...described, ...[note, element].filter((part) => !part.hidden).map((part) => part.id)];
    attribute(control, "aria-describedby", ids.join(" ") || undefined);
  };
  describe();
  return {
    element,
    note,
    setNote(text: string) {
      note.textContent = text;
      note.hidden = text === "";
      describe();
    },
    setProblems(problems: readonly FieldProblem[]) {
      const text = problems.map(sentence).join(" ");
      element.replaceChildren(h("span", { "aria-hidden": "true" }, "✕ "), text);
      element.hidden = text === "";
      attribute(control, "aria-invalid", text === "" ? undefined : "true");
      describe();
    },
  };
}

/** A field with its label above the control. */
export function field(label: string, control: HTMLInputElement | HTMLTextAreaElement, hint?: string): Field {
  control.id ||= `field-${++count}`;
  const help = hint === undefined ? undefined : h("p", { class: "hint", id: `hint-${++count}` }, hint);
  const { element, note, setNote, setProblems } = problemsOf(control, help ? [help.id] : []);
  return {
    control,
    element: h(
      "div",
      { class: "field" },
      h("label", { for: control.id }, label),
      control,
      help,
      note,
      element,
    ),
    setNote,
    setProblems,
  };
}

/** A group of radio buttons. */
export function choice<T extends string>(
  label: string,
  name: string,
  choices: readonly (readonly [T, string])[],
): Field & { readonly value: T; set(value: T): void } {
  const radios = choices.map(([value]) => h("input", { type: "radio", name, value }));
  const control = h(
    "fieldset",
    { class: "choice" },
    h("legend", {}, label),
    ...radios.map((radio, index) => h("label", {}, radio, choices[index]?.[1])),
  );
  const { element, note, setNote, setProblems } = problemsOf(control);
  control.append(note, element);
  return {
    control,
    element: control,
    setNote,
    setProblems,
    get value() {
      return radios.find((radio) => radio.checked)?.value as T;
    },
    set(value) {
      for (const radio of radios) radio.checked = radio.value === value;
    },
  };
}

/** A text input without spell check, capitalisation or autocompletion. */
export const line = (attributes: Record<string, string | boolean> = {}): HTMLInputElement =>
  h("input", {
    type: "text",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    ...attributes,
  });

/** A password input that the browser does not store. */
export const secretLine = (placeholder: string): HTMLInputElement =>
  line({ type: "password", autocomplete: "new-password", placeholder });
