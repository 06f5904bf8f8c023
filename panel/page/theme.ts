/** The theme: the system's until a person chooses one, which is remembered in this browser. */

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
    // Storage may be shut: then the choice holds for as long as the page is open.
  }
}

/** Makes a button the one that changes the theme. */
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
