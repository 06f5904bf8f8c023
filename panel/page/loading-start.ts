// Says so when a module does not come, as after a change of networks while the page loads: nothing else would. A script of its
// own, since it is the modules that are missing.
addEventListener(
  "error",
  ({ target }) => {
    if (!(target instanceof HTMLScriptElement)) return;
    const show = () => {
      const text = document.createElement("p");
      const again = document.createElement("a");
      text.textContent = "Part of the page failed to load. ";
      again.textContent = "Load it again";
      again.href = location.pathname;
      text.append(again);
      document.getElementById("empty")?.replaceChildren(text);
    };
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", show);
    else show();
  },
  { capture: true },
);
