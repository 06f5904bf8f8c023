/**
 * `npm run check`: checks projects.yaml and the settings offline; `-- --stack prod` selects another stack.
 */
import { checkConfiguration } from "../config/check.ts";
import { formatProblem } from "../config/errors.ts";
import { notesOn } from "../config/projects/notes.ts";
import { sharedDomainWarnings } from "../config/stack/own-domain.ts";
import { root } from "../operate/engine/checkout.ts";
import { parseCommandLine } from "../operate/engine/command-line.ts";
import { sessionFor, stackFlag } from "../operate/engine/session.ts";
import { main } from "./lib/main.ts";

await main(async (args) => {
  const session = sessionFor({ ...parseCommandLine(args), words: ["up"] });
  const { projects, settings } = checkConfiguration(root, session.stack);
  const warnings = settings.production ? sharedDomainWarnings(settings.production, session.stack) : [];
  for (const warning of warnings) console.error(`warning: ${formatProblem(warning)}`);
  const count = `${projects.length} project${projects.length === 1 ? "" : "s"}`;
  const names = projects.length ? ` (${projects.map(({ name }) => name).join(", ")})` : "";
  console.log(`projects.yaml is fine${stackFlag(session) && ` for ${session.stack}`}: ${count}${names}.`);
  for (const note of notesOn(projects)) console.log(note);
  return 0;
});
