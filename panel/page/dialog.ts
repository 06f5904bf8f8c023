/** Modal dialogs: the browser's `<dialog>`, which traps the focus, closes on Escape and restores the focus. */
import { h } from "./dom.ts";

export interface Opened {
  readonly dialog: HTMLDialogElement;
  readonly body: HTMLElement;
  close(): void;
}

let count = 0;

/**
 * Opens a dialog with a title.
 * @param options.may called before Escape or the cross closes it; false keeps it open, as for a form with unsaved input
 */
export function openDialog(
  title: string,
  options: { class?: string; role?: "alertdialog"; closed?: () => void; may?: () => boolean } = {},
): Opened {
  const id = `dialog-${++count}`;
  const back = document.activeElement;
  const body = h("div", { class: "dialog-body" });
  const cross = h("button", { type: "button", class: "quiet cross", "aria-label": "Close" }, "✕");
  const dialog = h(
    "dialog",
    { class: options.class, role: options.role, "aria-labelledby": id },
    h("header", {}, h("h2", { id }, title), cross),
    body,
    h("div", { class: "said hidden", role: "status", "aria-live": "polite" }),
  );
  const mayClose = () => options.may?.() ?? true;
  cross.addEventListener("click", () => mayClose() && dialog.close());
  dialog.addEventListener("cancel", (event) => {
    if (event.target === dialog && !mayClose()) event.preventDefault();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (back instanceof HTMLElement && back.isConnected) back.focus();
    options.closed?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  return { dialog, body, close: () => dialog.close() };
}

/** Whether a modal dialog is open. */
export const isDialogOpen = (): boolean => document.querySelector("dialog[open]") !== null;
