/** Buttons that copy. */
import { announce } from "./announce.ts";
import { h } from "./dom.ts";

const SHOWN = 2000;

/** Copies a text; false where the browser does not let the page, as over plain http. */
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
 * @param what its name, as in "Copy the URL of web-shop"
 * @param text what is copied, asked for when pressed
 */
export function copyButton(what: string, text: () => string): HTMLButtonElement {
  const button = h("button", { type: "button", class: "small", "aria-label": what }, "copy");
  button.addEventListener("click", async () => {
    const copied = await copy(text());
    button.textContent = copied ? "copied ✓" : "select it";
    announce(copied ? "Copied" : "The browser does not let this page copy: select the text instead");
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

/** A line with a label, a text and a button that copies it. */
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
