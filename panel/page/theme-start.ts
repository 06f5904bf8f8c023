// Before anything is painted: the theme that was chosen. A script of its own, since a module would come too late.
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be shut: then the system's theme it is.
}
