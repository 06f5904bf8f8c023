/**
 * Keeps Pulumi's SDK from work for programs that send functions to the cloud, or are being debugged. It loads npm's dependency resolver, the
 * TypeScript compiler and the Automation API with every program, and the first two with the Automation API, which takes half a second.
 */
import { createRequire, registerHooks } from "node:module";

const require = createRequire(import.meta.url);

/** The shim loads TypeScript, or the SDK's own copy of it where the program has none. */
const LAZY_MODULES = /^(@npmcli\/arborist|\.\/automation|[./]+\/typescript-shim)$/;
const SCHEME = "late:";

let isLazy = false;
let isQuiet = false;

/** From here on the SDK gets these modules when it first asks for a property of theirs. Call it before the SDK is loaded. */
export function loadLazily(): void {
  if (isLazy) return;
  isLazy = true;
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

/**
 * Stops the SDK from taking a stack trace for each of its promises, and from sending the engine three debug messages for each resource, one
 * after another. PULUMI_DEBUG_PROMISE_LEAKS keeps both, which is also what `pulumi up --debug` needs to show the SDK's messages.
 */
export function quietSdk(): void {
  if (isQuiet || process.env.PULUMI_DEBUG_PROMISE_LEAKS) return;
  isQuiet = true;
  quietPromises();
  const log = require("@pulumi/pulumi/log/index.js") as { debug(message: string): Promise<void> };
  log.debug = () => Promise.resolve();
}

/** Nothing of a person's runs while the SDK takes its stack trace, so that their own traces stay whole. */
function quietPromises(): void {
  type Debuggable = { debuggablePromise(promise: Promise<unknown>, context: unknown): Promise<unknown> };
  const debuggable = require("@pulumi/pulumi/runtime/debuggable.js") as Debuggable;
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
