/**
 * Makes the program start in about half the time; imported before `@pulumi/pulumi` by index.ts. Pulumi's SDK does things for
 * programs that send functions to the cloud or are compiled, which this one is not:
 * it loads npm's dependency resolver and the TypeScript compiler (here: only once something asks for a property of theirs),
 * and it maps every stack trace to its sources, of which it takes one per promise (here: Node's own traces, whose lines are the
 * sources' already).
 */
import { createRequire, enableCompileCache, registerHooks } from "node:module";

const LAZY_MODULES = new Set(["@npmcli/arborist", "typescript"]);
const SCHEME = "late:";

Reflect.deleteProperty(Error, "prepareStackTrace");
// Keeps compiled code between updates; does nothing where NODE_COMPILE_CACHE has turned it on already.
enableCompileCache();

registerHooks({
  resolve(specifier, context, next) {
    if (!LAZY_MODULES.has(specifier) || !context.parentURL?.includes("/@pulumi/pulumi/"))
      return next(specifier, context);
    const { url } = next(specifier, context);
    return { url: `${SCHEME}${url}`, format: "commonjs", shortCircuit: true };
  },
  load(url, context, next) {
    if (!url.startsWith(SCHEME)) return next(url, context);
    return { format: "commonjs", source: lazyModule(url.slice(SCHEME.length)), shortCircuit: true };
  },
});

quietPromises();

/**
 * The SDK takes a stack trace for each of its promises, four for each property of each resource, to name those that never end
 * (PULUMI_DEBUG_PROMISE_LEAKS, which still does). Nothing of a person's runs while it takes one, so that their own traces stay whole.
 */
function quietPromises(): void {
  if (process.env.PULUMI_DEBUG_PROMISE_LEAKS) return;
  type Debuggable = { debuggablePromise(promise: Promise<unknown>, context: unknown): Promise<unknown> };
  const debuggable = createRequire(import.meta.url)("@pulumi/pulumi/runtime/debuggable.js") as Debuggable;
  const { debuggablePromise } = debuggable;
  debuggable.debuggablePromise = (promise, context) => {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      return debuggablePromise(promise, context);
    } finally {
      Error.stackTraceLimit = limit;
    }
  };
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
