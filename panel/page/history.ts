/** The dialog with what the keeper did to a project and saw: when it fell asleep, was woken, and was restarted by itself. */
import { getHistory } from "./api.ts";
import { openDialog } from "./dialog.ts";
import { h } from "./dom.ts";
import type { KeeperEvent } from "./model.ts";
import { ago, exactTime } from "./words.ts";

/** One event, with its diagnosis folded in. */
function eventElement({ at, what, text, diagnosis }: KeeperEvent, now: number): HTMLElement {
  const time = h("time", { class: "when", datetime: at, title: exactTime(at) }, ago(at, now) ?? at);
  const more =
    diagnosis &&
    h("details", {}, h("summary", {}, "What was found"), h("pre", { tabindex: "0" }, diagnosis.join("\n")));
  return h("li", {}, time, h("p", {}, text ? `${what}: ${text}` : what), more);
}

async function show(name: string, body: HTMLElement): Promise<void> {
  body.replaceChildren(h("p", { role: "status" }, "Asking the keeper …"));
  try {
    const events = await getHistory(name);
    const now = Date.now();
    const list = [...events].reverse().map((event) => eventElement(event, now));
    body.replaceChildren(
      list.length > 0 ? h("ol", { class: "history" }, ...list) : h("p", {}, "Nothing has happened yet."),
      h("p", { class: "hint" }, "Newest first. A restart of the keeper begins it anew."),
    );
  } catch (error) {
    body.replaceChildren(
      h("p", { class: "alert", role: "alert" }, error instanceof Error ? error.message : String(error)),
    );
  }
}

/** Opens the history of a project. */
export function openHistory(name: string): void {
  void show(name, openDialog(`History of ${name}`).body);
}
