/** Creates elements. Text is inserted as text, never as markup. */

type Listener = (event: Event) => void;
export type Attributes = Record<string, string | number | boolean | undefined | Listener>;
export type Child = Node | string | undefined | false;

/**
 * Creates an element with attributes (true: present, false or undefined: absent, functions like `onclick`: listeners) and children.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else attribute(element, name, value);
  }
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}

/** Sets an attribute if it differs, so that screen readers announce nothing twice. */
export function attribute(
  element: Element,
  name: string,
  value: string | number | boolean | undefined,
): void {
  if (value === undefined || value === false) {
    element.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/** Sets a text if it differs, which keeps the selection. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** The element of index.html with an id. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no #${id}`);
  return element as T;
}

/** Sets a parent's children in order, moving only misplaced ones. */
export function reconcile(parent: Element, elements: readonly Element[]): void {
  for (const gone of [...parent.children].filter((child) => !elements.includes(child))) gone.remove();
  elements.forEach((element, index) => {
    const there = parent.children[index];
    if (there !== element) parent.insertBefore(element, there ?? null);
  });
}

/** Whether a URL is http or https; others are not linked. */
export const isWebAddress = (url: string): boolean => /^https?:\/\//i.test(url);
