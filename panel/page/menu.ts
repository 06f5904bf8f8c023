/** A menu button after the ARIA practices: arrows, Home, End, Escape, first letters. */
import { h } from "./dom.ts";

export interface Item {
  readonly label: string;
  readonly danger?: boolean;
  act(): void;
}

/** The item that a key moves the focus to; undefined for any other key. */
function nextItem(key: string, items: readonly HTMLElement[], from: number): HTMLElement | undefined {
  const count = items.length;
  if (key === "ArrowDown") return items[(from + 1) % count];
  if (key === "ArrowUp") return items[(from - 1 + count) % count];
  if (key === "Home") return items[0];
  if (key === "End") return items.at(-1);
  if (key.length !== 1) return undefined;
  const turned = [...items.slice(from + 1), ...items.slice(0, from + 1)];
  return turned.find((item) => item.textContent?.toLowerCase().startsWith(key.toLowerCase()));
}

/**
 * A button with a menu.
 * @param name the button's label
 * @param items called each time the menu opens
 */
export function menuButton(name: string, items: () => readonly Item[]): HTMLElement {
  const list = h("ul", { role: "menu", class: "menu", hidden: true, "aria-label": name });
  const button = h(
    "button",
    { type: "button", class: "more", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": name },
    "⋯",
  );
  const box = h("div", { class: "menubox" }, button, list);
  const away = (event: Event) => {
    if (event.target instanceof Node && !box.contains(event.target)) close(false);
  };
  function close(focus: boolean): void {
    list.hidden = true;
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", away);
    if (focus) button.focus();
  }
  const itemElement = (item: Item) =>
    h(
      "li",
      { role: "menuitem", tabindex: "-1", class: item.danger && "danger", onclick: () => run(item) },
      item.label,
    );
  function run(item: Item): void {
    close(true);
    item.act();
  }
  const elements = () => [...list.children] as HTMLElement[];
  function open(last: boolean): void {
    list.replaceChildren(...items().map(itemElement));
    list.hidden = false;
    button.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", away);
    elements()
      .at(last ? -1 : 0)
      ?.focus();
    list.scrollIntoView({ block: "nearest" });
  }
  button.addEventListener("click", () => (list.hidden ? open(false) : close(true)));
  button.addEventListener("keydown", (event) => {
    if (!["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    open(event.key === "ArrowUp");
  });
  list.addEventListener("keydown", (event) => {
    const from = elements().indexOf(document.activeElement as HTMLElement);
    if (event.key === "Tab") return close(true);
    event.stopPropagation();
    if (event.key === "Escape") close(true);
    else if (event.key === "Enter" || event.key === " ") elements()[from]?.click();
    else nextItem(event.key, elements(), from)?.focus();
    event.preventDefault();
  });
  return box;
}
