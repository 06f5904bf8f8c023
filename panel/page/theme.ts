/** The theme: the system's, or the one chosen in this browser. */

type Theme = "dark" | "light";

const light = matchMedia("(prefers-color-scheme: light)");

const current = (): Theme => {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "dark" || chosen === "light") return chosen;
  return light.matches ? "light" : "dark";
};

function choose(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // Storage is blocked: the choice lasts until the page is closed.
  }
}

/** Makes a button toggle the theme. */
export function themeButton(button: HTMLButtonElement): void {
  const show = () => {
    const other = current() === "dark" ? "Light" : "Dark";
    button.textContent = `${other === "Light" ? "☀" : "☾"} ${other}`;
    button.setAttribute("aria-label", `${other} theme`);
  };
  button.addEventListener("click", () => {
    choose(current() === "dark" ? "light" : "dark");
    show();
  });
  light.addEventListener("change", show);
  show();
}
