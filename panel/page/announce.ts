/** Announcements to screen readers, and toasts. */
import { byId, h } from "./dom.ts";

const SHOWN = 4000;
let timer: ReturnType<typeof setTimeout> | undefined;

/** The active live region: those behind a modal dialog are silent, so each dialog has its own. */
function region(): Element {
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  return dialog?.querySelector(".said") ?? byId("said");
}

/** Announces a text to screen readers. */
export function announce(text: string): void {
  region().replaceChildren(h("p", {}, text));
}

/** Shows and announces a text for a few seconds. */
export function toast(text: string): void {
  const element = byId("toast");
  element.textContent = text;
  element.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => {
    element.hidden = true;
  }, SHOWN);
  announce(text);
}
