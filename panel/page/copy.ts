/** Buttons that copy. */
import { announce } from "./announce.ts";
import { h } from "./dom.ts";

const SHOWN = 2000;

/** Copies a text; false if the browser blocks it, as over plain http. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * A button that copies.
 * @param what its label, as in "Copy the URL of web-shop"
 * @param text returns the text to copy, called when pressed
 */
export function copyButton(what: string, text: () => string): HTMLButtonElement {
  const button = h("button", { type: "button", class: "small", "aria-label": what }, "copy");
  button.addEventListener("click", async () => {
    const copied = await copy(text());
    button.textContent = copied ? "copied ✓" : "select it";
    announce(copied ? "Copied" : "The browser blocked copying: select the text instead");
    setTimeout(() => {
      button.textContent = "copy";
    }, SHOWN);
  });
  return button;
}

export interface CopyLine {
  readonly element: HTMLElement;
  set(text: string): void;
}

/** A label, a text and a button that copies it. */
export function copyLine(label: string, what: string): CopyLine {
  const code = h("code", {});
  const element = h(
    "div",
    { class: "copyline" },
    h("span", { class: "label" }, label),
    code,
    copyButton(what, () => code.textContent ?? ""),
  );
  return {
    element,
    set(text) {
      if (code.textContent !== text) code.textContent = text;
    },
  };
}
