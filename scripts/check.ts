/**
 * `npm run check`: checks projects.yaml and the settings offline; `-- --stack prod` selects another stack. `--print` shows projects.yaml with the
 * stack's own file laid over it.
 */
import { capacityOf, checkConfiguration } from "../config/check.ts";
import { formatProblem } from "../config/errors.ts";
import { capacityNotes } from "../config/projects/capacity.ts";
import { notesOn } from "../config/projects/notes.ts";
import { sharedDomainWarnings } from "../config/stack/own-domain.ts";
import { renderFile } from "../config/text/yaml-render.ts";
import { root } from "../operate/engine/checkout.ts";
import { parseCommandLine } from "../operate/engine/command-line.ts";
import { sessionFor, stackFlag } from "../operate/engine/session.ts";
import { main } from "./lib/main.ts";

await main(async (args) => {
  const line = parseCommandLine(args);
  const session = sessionFor({ ...line, words: ["up"] });
  const { projects, settings, warnings, value, files } = checkConfiguration(root, session.stack);
  const shared = settings.production ? sharedDomainWarnings(settings.production, session.stack) : [];
  for (const warning of [...warnings, ...shared]) console.error(`warning: ${formatProblem(warning)}`);
  if (line.flags.has("--print")) {
    process.stdout.write(`# ${files.join(", with ")}\n${renderFile(value)}`);
    return 0;
  }
  const count = `${projects.length} project${projects.length === 1 ? "" : "s"}`;
  const names = projects.length ? ` (${projects.map(({ name }) => name).join(", ")})` : "";
  console.log(
    `${files.join(" with ")} is fine${stackFlag(session) && ` for ${session.stack}`}: ${count}${names}.`,
  );
  for (const note of notesOn(projects)) console.log(note);
  const { hostMemoryBytes } = capacityOf(session.stack, settings);
  for (const note of capacityNotes(projects, hostMemoryBytes)) console.error(note);
  return 0;
});
