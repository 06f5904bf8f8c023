/** What is wrong between the page and the panel: a strip for a lost connection, a dialog for an ended login. */
import { getProjects, login } from "./api.ts";
import { openDialog } from "./dialog.ts";
import { byId, h } from "./dom.ts";
import type { Connection } from "./events.ts";

/** Shows whether the page is live. */
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
    h("p", {}, h("span", { "aria-hidden": "true" }, "▲ "), "Offline, trying again. What you see may be old."),
    h("button", { type: "button", class: "small", onclick: retry }, "Try now"),
  );
  banner.hidden = false;
}

/**
 * Says when the login has ended, above whatever is open. A form that is being filled in need not be lost: after a login in
 * another tab the page goes on.
 */
export function watchLogin(again: () => void): void {
  let open = false;
  login.addEventListener("ended", () => {
    if (open) return;
    open = true;
    const { dialog, body, close } = openDialog("Your login has ended", {
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
        "Reload the page to log in again. If you were filling in a form, log in in another tab instead: then come back, and nothing is lost.",
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
