/** Keys of the page, which are letters only while nobody types and no dialog is open. */
import { isDialogOpen } from "./dialog.ts";

/** Acts on single keys, as in { n: newProject }. */
export function onKeys(keys: Record<string, () => void>): void {
  document.addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isDialogOpen()) return;
    if (
      target instanceof Element &&
      target.closest("input, textarea, select, [role=menu], [contenteditable]")
    )
      return;
    const act = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
    if (!act) return;
    event.preventDefault();
    act();
  });
}
