/** What quick-start.ts takes from the SDK, and what it leaves to a person: in a process of its own, as the program runs. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");

function program(source: string, env: NodeJS.ProcessEnv = {}) {
  const text = `import "./components/program/quick-start.ts";\nimport * as pulumi from "@pulumi/pulumi";\n${source}`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", text], {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return { stdout, stderr };
}

/** A promise that the SDK keeps to itself, and what it has written down of where it came from. */
const TRACE = `
import { createRequire } from "node:module";
const { debuggablePromise } = createRequire(process.cwd() + "/x")("@pulumi/pulumi/runtime/debuggable.js");
const promise = Promise.resolve(1);
await debuggablePromise(promise, "here");
console.log(JSON.stringify(promise._debugStackTrace));`;

it("takes no stack trace for the SDK's promises, but where leaks of them are looked for", () => {
  expect(program(TRACE).stdout).toBe('"Error"\n');
  expect(program(TRACE, { PULUMI_DEBUG_PROMISE_LEAKS: "1" }).stdout).toMatch(/\\n +at .*\\n +at /);
});

it("leaves an exception in the program its trace, in an output's function too", () => {
  const { stderr } = program(`
function findPort() { throw new Error("no port"); }
function configure() { return findPort(); }
configure();`);
  expect(stderr).toMatch(/Error: no port\n +at findPort .*\n +at configure /);
  const later = program(`
function findName() { throw new Error("no name"); }
pulumi.output("a").apply(function rename() { return findName(); });
await new Promise((resolve) => setTimeout(resolve, 50));`);
  expect(later.stderr).toMatch(/Error: no name\n +at findName .*\n +at .*rename /);
});
