/** The confirmation dialog for deleting a project. */
import { remove } from "./api.ts";
import { openDialog } from "./dialog.ts";
import { h } from "./dom.ts";
import { field, line } from "./field.ts";
import type { Operation } from "./model.ts";

const consequences = (name: string, workspace: boolean) =>
  workspace
    ? "Removes the entry in projects.yaml and the container. Deletes the workspace with all files, and opencode's sessions. Anything not pushed is lost. Where the platform has backups a last one is taken first and kept for 30 days; if that fails, nothing of the workspace is deleted."
    : `Removes the entry in projects.yaml and the container. Keeps the workspace with all files, and opencode's sessions; whoever creates a project named ${name} again is asked about them.`;

/** Opens the dialog and deletes the project. The name must be typed to delete the workspace. */
export function openDelete(name: string, begun: (operation: Operation) => void): void {
  const { body, close } = openDialog(`Delete ${name}?`, { role: "alertdialog", class: "narrow" });
  const what = h("p", { "aria-live": "polite" }, consequences(name, false));
  const box = h("input", { type: "checkbox" });
  const confirm = field(`Type ${name} to delete its workspace`, line());
  const input = confirm.control as HTMLInputElement;
  const alert = h("p", { class: "alert", role: "alert", hidden: true });
  const button = h("button", { type: "submit", class: "danger" }, "Delete");
  confirm.element.hidden = true;
  box.addEventListener("change", () => {
    confirm.element.hidden = !box.checked;
    what.textContent = consequences(name, box.checked);
    button.textContent = box.checked ? "Delete with its workspace" : "Delete";
  });
  async function submit(): Promise<void> {
    if (box.checked && input.value !== name) {
      confirm.setProblems([
        { path: "confirm", message: `is not ${name}`, fix: "type the project's name as shown above" },
      ]);
      return input.focus();
    }
    button.disabled = true;
    try {
      const operation = await remove(name, box.checked);
      close();
      begun(operation);
    } catch (error) {
      alert.textContent = error instanceof Error ? error.message : String(error);
      alert.hidden = false;
    } finally {
      button.disabled = false;
    }
  }
  const cancel = h("button", { type: "button", onclick: close }, "Cancel");
  const form = h(
    "form",
    { novalidate: true },
    what,
    h("label", { class: "check" }, box, "Delete the workspace as well"),
    confirm.element,
    alert,
    h("footer", {}, cancel, button),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
  body.append(form);
  cancel.focus();
}
