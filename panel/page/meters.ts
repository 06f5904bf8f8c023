/** A meter with its text. */
import { attribute, h, setText } from "./dom.ts";
import type { Usage } from "./model.ts";
import { meter } from "./words.ts";

export interface MeterElement {
  readonly element: HTMLElement;
  /** Sets the usage; undefined (nothing runs) hides the meter. */
  set(usage: Usage | undefined): void;
}

/**
 * A meter.
 * @param label name of the measured value
 * @param show formats an amount
 */
export function meterElement(label: string, show: (value: number) => string): MeterElement {
  const bar = h("meter", { min: 0, max: 1, low: 0.8, high: 0.95, optimum: 0, "aria-label": label });
  const text = h("span", { class: "amount" });
  const element = h("div", { class: "meter" }, h("span", { class: "label" }, label), bar, text);
  return {
    element,
    set(usage) {
      element.hidden = usage === undefined;
      if (usage === undefined) return;
      const shown = meter(usage, show);
      setText(text, shown.text);
      bar.hidden = shown.share === undefined;
      attribute(bar, "value", Math.round((shown.share ?? 0) * 1000) / 1000);
      attribute(bar, "aria-valuetext", shown.text);
      attribute(element, "data-level", shown.level);
    },
  };
}
