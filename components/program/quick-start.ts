/**
 * Makes the program start in about half the time, and each resource cost about half; imported before `@pulumi/pulumi` by index.ts. Pulumi's
 * SDK does things for programs that send functions to the cloud, are compiled, or are being debugged, which this one is not:
 * - it loads npm's dependency resolver, the TypeScript compiler and the Automation API (here: once something asks for a property of theirs);
 * - it maps every stack trace to its sources (here: Node's own traces, whose lines are the sources' already);
 * - it turns V8's debugger on, to find a function's source (here: off again);
 * - it takes a stack trace for each of its promises, and sends the engine three debug messages for each resource, one after another (here:
 *   only with PULUMI_DEBUG_PROMISE_LEAKS, which is also what `pulumi up --debug` needs to show the SDK's messages).
 */
import { createRequire, enableCompileCache } from "node:module";
import { loadLazily, quietSdk } from "../../config/quick-sdk.ts";

Reflect.deleteProperty(Error, "prepareStackTrace");
// Keeps compiled code between updates; does nothing where NODE_COMPILE_CACHE has turned it on already.
enableCompileCache();

loadLazily();
const require = createRequire(import.meta.url);
closeDebugger();
quietSdk();

/** Where Pulumi's launcher has turned it on: not in a test. */
function closeDebugger(): void {
  type Session = { post(method: string): void };
  type Hooks = { getSessionAsync(): Promise<Session> };
  const file = require.resolve("@pulumi/pulumi/runtime/closure/v8Hooks.js");
  const hooks = require.cache[file]?.exports as Hooks | undefined;
  void hooks?.getSessionAsync().then((session) => session.post("Debugger.disable"));
}
