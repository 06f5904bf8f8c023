#!/usr/bin/env node
// The command `opencode-platform`: a team repository's commands (`init`, `start`, `check` …), or the
// colleague's program in
// attach/. A project with such a name is `attach <name>`. Plain JavaScript for an old Node.
import { TEAM_COMMANDS } from "./lib/launcher.mjs";

if (TEAM_COMMANDS.includes(process.argv[2])) await import("./run.mjs");
else await import("../attach/bin.mjs");
