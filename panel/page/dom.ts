/** Makes elements. Text goes in as text: no markup is ever made of what somebody wrote. */

type Listener = (event: Event) => void;
export type Attributes = Record<string, string | number | boolean | undefined | Listener>;
export type Child = Node | string | undefined | false;

/**
 * An element with attributes (true: present, false or undefined: absent; `onclick` and the like: listeners) and children.
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

/** Sets an attribute where it differs, so that nothing is told to a reader twice. */
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

/** Sets a text where it differs, which leaves what a person has selected. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** The element of index.html with an id. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no #${id}`);
  return element as T;
}

/** Puts elements into a parent in their order, moving only those that stand elsewhere. */
export function reconcile(parent: Element, elements: readonly Element[]): void {
  for (const gone of [...parent.children].filter((child) => !elements.includes(child))) gone.remove();
  elements.forEach((element, index) => {
    const there = parent.children[index];
    if (there !== element) parent.insertBefore(element, there ?? null);
  });
}

/** Whether an address is one of the web; anything else is not made a link. */
export const isWebAddress = (url: string): boolean => /^https?:\/\//i.test(url);
