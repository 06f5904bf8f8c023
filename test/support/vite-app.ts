import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { copyPackage } from "./packages.ts";

/** The module of the app: it shows a text, and takes a change of itself without a reload. */
export const viteModule = (text: string): string =>
  `document.getElementById("app").textContent = "${text}";\nimport.meta.hot?.accept();\n`;

/** How its dev server is started in the app's folder; without more it listens on loopback alone, on 5173. */
export const VITE = "node node_modules/vite/bin/vite.js";

/** Writes an app with all that its dev server needs, as after `npm install`. */
export function writeViteApp(folder: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  copyPackage("vite", folder);
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
  writeFileSync(
    join(folder, "index.html"),
    `<!doctype html><link rel="icon" href="data:,"><main id="app"></main><script type="module" src="/app.js"></script>`,
  );
  writeFileSync(join(folder, "app.js"), viteModule(text));
}
