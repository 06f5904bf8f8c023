/** Runs the `setup` of a project's entry once more: the image's script of that name does it, in the container. */
import { fail } from "../../config/errors.ts";
import { plainText } from "../../config/text/plain.ts";
import type { RunDocker } from "./containers.ts";

const SCRIPT = "/usr/local/lib/opencode-platform/setup";
/** Where the script keeps the output of the last run, in the container. */
export const SETUP_LOG = "/home/opencode/.local/share/opencode-platform/setup.log";

/** The script's reason for not running it. */
const REFUSAL = /^setup: (.+)$/m;
/** Docker's words for a container that is stopped or paused, or not there: of its client, and of its API. */
const NOT_RUNNING = /not running|No such container|is paused|stopped\/paused/i;

/**
 * Asks a project's container to run its setup, and does not wait for it.
 * @returns the run's number
 * @throws UserError if the project is not running, has no setup or runs it already, or its repository is not trusted yet
 */
export async function requestSetup(run: RunDocker, project: string, container: string): Promise<number> {
  const { code, stdout, stderr } = await run(["exec", container, SCRIPT, "request"]);
  const number = Number(stdout.trim());
  if (code === 0 && Number.isInteger(number) && number > 0) return number;
  failIfRefused(project, stderr);
  const said = plainText(stderr);
  if (NOT_RUNNING.test(said))
    fail("conflict", project, "is not running, so its setup can't be run", "start the project first");
  return fail("environment", project, `its setup can't be run: ${said.trim() || "no reason given"}`);
}

/** Lines of a failed run that are shown. */
const OUTPUT_LINES = 20;

/** The last lines of a project's last run, as plain text; none if the container does not give them. */
export async function readSetupOutput(run: RunDocker, container: string): Promise<string[]> {
  const { code, stdout } = await run(["exec", container, "tail", "-n", String(OUTPUT_LINES), SETUP_LOG]);
  return code === 0 ? stdout.split("\n").filter(Boolean).map(plainText) : [];
}

function failIfRefused(project: string, stderr: string): void {
  const [, reason] = REFUSAL.exec(plainText(stderr)) ?? [];
  if (reason !== undefined) fail("conflict", project, `its setup can't be run: ${reason}`);
}

/**
 * Follows a run that was asked for to its end.
 * @param onLine receives its output, as plain text
 * @returns its exit code
 * @throws UserError if nothing in the container runs it, or the connection to it ends
 */
export async function followSetup(
  run: RunDocker,
  project: string,
  container: string,
  number: number,
  onLine: (line: string) => void,
): Promise<number> {
  const show = (line: string) => onLine(plainText(line));
  const { code, stderr } = await run(["exec", container, SCRIPT, "follow", String(number)], 0, show);
  // The output of the run itself is on the other stream.
  if (code !== 0) failIfRefused(project, stderr);
  return (
    code ??
    fail(
      "environment",
      project,
      "the connection to it has ended; its setup goes on",
      "npm run doctor shows how",
    )
  );
}
