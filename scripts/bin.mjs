#!/usr/bin/env node
// The command `opencode-platform`: what a team's repository runs (`init`, `start`, `check` …), else the colleague's program in attach/, to
// which a project of such a name is `attach <name>`. Plain JavaScript for an old Node.
import { TEAM_COMMANDS } from "./lib/launcher.mjs";

if (TEAM_COMMANDS.includes(process.argv[2])) await import("./run.mjs");
else await import("../attach/bin.mjs");
