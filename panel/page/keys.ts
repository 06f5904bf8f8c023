/**
 * Keys of the page: letters, so they count only while nobody types and no dialog is open, and can be turned off, for those who
 * speak to their computer.
 */
import { isDialogOpen } from "./dialog.ts";

const KEY = "keys";

const areOff = (): boolean => {
  try {
    return localStorage.getItem(KEY) === "off";
  } catch {
    return false;
  }
};

/** Whether a key is meant for the page itself. */
function isForPage({ target, ctrlKey, metaKey, altKey, isComposing }: KeyboardEvent): boolean {
  if (ctrlKey || metaKey || altKey || isComposing || isDialogOpen()) return false;
  return !(
    target instanceof Element && target.closest("input, textarea, select, [role=menu], [contenteditable]")
  );
}

/**
 * Acts on single keys, as in { n: newProject }.
 * @param button turns them off and on; the choice is remembered in this browser
 */
export function onKeys(keys: Record<string, () => void>, button: HTMLButtonElement): void {
  let off = areOff();
  const show = () => button.setAttribute("aria-pressed", String(!off));
  button.addEventListener("click", () => {
    off = !off;
    show();
    try {
      localStorage.setItem(KEY, off ? "off" : "on");
    } catch {
      // Storage may be shut: then the choice holds for as long as the page is open.
    }
  });
  document.addEventListener("keydown", (event) => {
    const act = !off && Object.hasOwn(keys, event.key) && isForPage(event) ? keys[event.key] : undefined;
    if (!act) return;
    event.preventDefault();
    act();
  });
  show();
}
