/** `npm run ci -- preview [--files <folder>]|up|drift [--stack <name>]`: the jobs of a forge's pipeline. See docs/ci.md. */
import { parseArgs } from "node:util";
import { fail, UserError } from "../config/errors.ts";
import { openSession } from "../operate/engine/session.ts";
import { driftJob } from "../operate/forge/drift.ts";
import type { Job } from "../operate/forge/job.ts";
import { forgeOf, runUrlOf } from "../operate/forge/place.ts";
import { previewJob } from "../operate/forge/preview.ts";
import { redactor } from "../operate/forge/redact.ts";
import { upJob } from "../operate/forge/up.ts";
import { main } from "./lib/main.ts";
import { printChange } from "./lib/progress.ts";

const USAGE = "npm run ci -- preview [--files <folder>]|up|drift [--stack <name>]";

const JOBS: Readonly<Record<string, (job: Job) => Promise<number>>> = {
  preview: previewJob,
  up: upJob,
  drift: driftJob,
};

await main(async (args) => {
  const { name, stack, files } = parse(args);
  const run = JOBS[name] ?? fail("config", "npm run ci", `"${name}" is not a job`, USAGE);
  dropEmptyVariables();
  // An update does not use the forge, so it needs no token.
  const forge = name === "up" ? undefined : forgeOf(process.env);
  return run({
    session: openSession(stack),
    files,
    forge,
    runUrl: runUrlOf(process.env),
    redact: redactor(process.env),
    print: console.log,
    printError: console.error,
    onUpdateEvent: printChange,
  });
});

/** Forges pass an unset secret as an empty variable, which would count as a value. */
function dropEmptyVariables(): void {
  for (const [name, value] of Object.entries(process.env)) if (value === "") delete process.env[name];
}

function parse(args: readonly string[]): { name: string; stack: string; files: string | undefined } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { stack: { type: "string", short: "s", default: "prod" }, files: { type: "string" } },
      allowPositionals: true,
    });
    const { stack, files } = values;
    const name = positionals.join(" ");
    if (files !== undefined && name !== "preview") fail("config", "--files", "is for preview alone", USAGE);
    return { name, stack, files };
  } catch (error) {
    if (error instanceof UserError) throw error;
    return fail("config", "npm run ci", (error as Error).message, USAGE);
  }
}
