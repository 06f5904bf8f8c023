/** Shows a lost connection as a banner, and an expired login as a dialog. */
import { getProjects, login } from "./api.ts";
import { openDialog } from "./dialog.ts";
import { byId, h } from "./dom.ts";
import type { Connection } from "./events.ts";

/** Shows or hides the banner. */
export function showConnection(connection: Connection, retry: () => void): void {
  const banner = byId("banner");
  document.body.classList.toggle("stale", connection === "lost");
  if (connection !== "lost") {
    banner.hidden = true;
    banner.replaceChildren();
    return;
  }
  if (!banner.hidden) return;
  banner.replaceChildren(
    h("p", {}, h("span", { "aria-hidden": "true" }, "▲ "), "Offline, retrying. The page may be out of date."),
    h("button", { type: "button", class: "small", onclick: retry }, "Try now"),
  );
  banner.hidden = false;
}

/**
 * Opens a dialog when the login has expired, above any other. An open form is kept: after a login in another tab the page
 * continues.
 */
export function watchLogin(again: () => void): void {
  let open = false;
  login.addEventListener("ended", () => {
    if (open) return;
    open = true;
    const { dialog, body, close } = openDialog("Your login has expired", {
      role: "alertdialog",
      may: () => false,
    });
    dialog.querySelector(".cross")?.remove();
    const back = async () => {
      if (document.hidden) return;
      try {
        await getProjects();
        close();
        again();
      } catch {
        // Not logged in yet.
      }
    };
    addEventListener("focus", back);
    dialog.addEventListener("close", () => {
      open = false;
      removeEventListener("focus", back);
    });
    body.append(
      h(
        "p",
        {},
        "Reload the page to log in again. To keep a form that you are filling in, log in in another tab and come back.",
      ),
      h(
        "footer",
        {},
        h("a", { class: "button", href: "/", target: "_blank", rel: "noopener" }, "Log in in another tab"),
        h("button", { type: "button", class: "primary", onclick: () => location.reload() }, "Reload"),
      ),
    );
    dialog.querySelector<HTMLElement>(".primary")?.focus();
  });
}
