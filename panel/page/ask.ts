/** A question before something is done, with what it means. */
import { openDialog } from "./dialog.ts";
import { type Child, h } from "./dom.ts";

/**
 * Opens a form in a dialog.
 * @param act what the button does; its error is shown, and the dialog stays
 */
export function openAsk(
  title: string,
  children: readonly Child[],
  button: { readonly label: string; readonly class?: string },
  act: () => Promise<void>,
): void {
  const { body, close } = openDialog(title, { role: "alertdialog", class: "narrow" });
  const alert = h("p", { class: "alert", role: "alert", hidden: true });
  const cancel = h("button", { type: "button", onclick: close }, "Cancel");
  const confirm = h("button", { type: "submit", class: button.class ?? "primary" }, button.label);
  const form = h("form", { novalidate: true }, ...children, alert, h("footer", {}, cancel, confirm));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
  async function submit(): Promise<void> {
    confirm.disabled = true;
    alert.hidden = true;
    try {
      await act();
      close();
    } catch (error) {
      alert.textContent = error instanceof Error ? error.message : String(error);
      alert.hidden = false;
    } finally {
      confirm.disabled = false;
    }
  }
  body.append(form);
  (form.querySelector<HTMLElement>("input") ?? cancel).focus();
}
