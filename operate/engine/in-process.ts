/** Runs the stack's program in this process, for an update that should not wait for another Node to start. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parse } from "yaml";
import { quietSdk } from "../../config/quick-sdk.ts";
import { root } from "./checkout.ts";

/** A program as the Automation API runs it: returns the stack's outputs. */
export type Program = () => Promise<Record<string, unknown>>;

const SECRET_KEYS = "PULUMI_CONFIG_SECRET_KEYS";

/**
 * Makes a program of the module that Pulumi.yaml names as `main`. A module is evaluated once in a process, so
 * this is for a process that runs one update.
 * @param variables the environment that the engine would give to the program's own process
 */
export function programInProcess(variables: Readonly<Record<string, string | undefined>>): Program {
  // Now, since the SDK registers the stack before the program runs.
  quietSdk();
  return async () => {
    process.chdir(root);
    setVariables({ ...variables, [SECRET_KEYS]: secretKeys() });
    const program = (await import(mainModule())) as { default?: Record<string, unknown> };
    return program.default ?? {};
  };
}

function setVariables(variables: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }
}

/** The names of the stack's secret keys, which the language host sets for a program of its own process. */
function secretKeys(): string | undefined {
  const state = createRequire(import.meta.url)("@pulumi/pulumi/runtime/state.js") as {
    getStore(): { config: Record<string, string> };
  };
  return state.getStore().config[SECRET_KEYS];
}

function mainModule(): string {
  const project = parse(readFileSync(join(root, "Pulumi.yaml"), "utf8")) as { main?: string };
  return pathToFileURL(join(root, project.main ?? "index.ts")).href;
}
