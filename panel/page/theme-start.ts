// Sets the chosen theme before the first paint. A separate script, since a module would run too late.
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is blocked: the system's theme is used.
}
