/**
 * Pulumi's SDK loads npm's dependency resolver, the TypeScript compiler and the Automation API with every program, and the first two with
 * the Automation API: half a second, for programs that send functions to the cloud.
 */
import { registerHooks } from "node:module";

/** The shim loads TypeScript, or the SDK's own copy of it where the program has none. */
const LAZY_MODULES = /^(@npmcli\/arborist|\.\/automation|[./]+\/typescript-shim)$/;
const SCHEME = "late:";

/** From here on the SDK gets these modules when it first asks for a property of theirs. */
export function loadLazily(): void {
  registerHooks({
    resolve(specifier, context, next) {
      if (!LAZY_MODULES.test(specifier) || !context.parentURL?.includes("/@pulumi/pulumi/"))
        return next(specifier, context);
      const { url } = next(specifier, context);
      return { url: `${SCHEME}${url}`, format: "commonjs", shortCircuit: true };
    },
    load(url, context, next) {
      if (!url.startsWith(SCHEME)) return next(url, context);
      return { format: "commonjs", source: lazyModule(url.slice(SCHEME.length)), shortCircuit: true };
    },
  });
}

/** A module that stands for another and loads it when one of its exports is first asked for. */
function lazyModule(url: string): string {
  return `
    const { createRequire } = require("node:module");
    const { fileURLToPath } = require("node:url");
    const file = fileURLToPath(${JSON.stringify(url)});
    let real;
    const get = (_, key) => key === "__esModule" || (real ??= createRequire(file)(file))[key];
    module.exports = new Proxy({}, { get });`;
}
