/**
 * Single-key shortcuts. They are inactive while a person types or a dialog is open, and can be turned off, for people who use
 * speech input.
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

/** Whether a key press is a shortcut. */
function isForPage({ target, ctrlKey, metaKey, altKey, isComposing }: KeyboardEvent): boolean {
  if (ctrlKey || metaKey || altKey || isComposing || isDialogOpen()) return false;
  return !(
    target instanceof Element && target.closest("input, textarea, select, [role=menu], [contenteditable]")
  );
}

/**
 * Registers single-key shortcuts, as in { n: newProject }.
 * @param button toggles them; the choice is stored in this browser
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
      // Storage is blocked: the choice lasts until the page is closed.
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
