/** The question in the form for a new project whose name was used before: what happens with what is left of the earlier one. */
import { choice } from "./field.ts";
import type { Leftover, LeftoverChoice } from "./model.ts";
import { leftoverWords } from "./words.ts";

export interface LeftoverQuestion {
  readonly element: HTMLElement;
  /** The name that it is about. */
  readonly name: string;
  /** Undefined until the person has chosen. */
  readonly answer: LeftoverChoice | undefined;
  focus(): void;
  /** Shows that an answer is missing. */
  complain(): void;
}

/** Nothing is chosen beforehand: either choice has consequences for somebody's data. */
export function askLeftover(name: string, leftover: Leftover): LeftoverQuestion {
  const { question, labels } = leftoverWords(name, leftover);
  const options = leftover.choices.map((value) => [value, labels[value]] as const);
  const asked = choice<LeftoverChoice>(question, "leftover", options);
  const first = asked.control.querySelector("input");
  asked.control.addEventListener("change", () => asked.setProblems([]));
  return {
    element: asked.element,
    name,
    get answer() {
      return asked.value as LeftoverChoice | undefined;
    },
    focus: () => first?.focus(),
    complain() {
      asked.setProblems([{ path: "leftover", message: "choose what happens with it" }]);
      first?.focus();
      asked.element.scrollIntoView({ block: "nearest" });
    },
  };
}
