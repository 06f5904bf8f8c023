/** Says what happened: to those who hear the page, and for a moment in a corner of it. */
import { byId, h } from "./dom.ts";

const SHOWN = 4000;
let timer: ReturnType<typeof setTimeout> | undefined;

/** The region that is heard now: what is behind a modal dialog is silent, so each dialog has one of its own. */
function region(): Element {
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  return dialog?.querySelector(".said") ?? byId("said");
}

/** Says something to those who hear the page, when they are ready to. */
export function announce(text: string): void {
  region().replaceChildren(h("p", {}, text));
}

/** Says something to everybody. What needs an answer belongs elsewhere: this goes by itself. */
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
