// Shows an error if a module fails to load, as after a change of networks. A separate script, since modules may be missing.
addEventListener(
  "error",
  ({ target }) => {
    if (!(target instanceof HTMLScriptElement)) return;
    const show = () => {
      const text = document.createElement("p");
      const again = document.createElement("a");
      text.textContent = "Part of the page failed to load. ";
      again.textContent = "Reload";
      again.href = location.pathname;
      text.append(again);
      document.getElementById("empty")?.replaceChildren(text);
    };
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", show);
    else show();
  },
  { capture: true },
);
