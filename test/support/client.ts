/** opencode's terminal client, on a project of a platform on this machine. */
import { delimiter } from "node:path";
import { terminalCommand } from "../../opencode/api/index.ts";
import { opencodeBinary, RELEASE } from "./opencode.ts";
import type { Platform } from "./platform.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

/** The command that a person is shown for it. */
export const clientCommand = (platform: Platform, project: string): string =>
  terminalCommand({ url: platform.api(project), isBehindAccess: false }, RELEASE, platform.fixture.root);

/** Runs that command, with the release that the project runs. @param folder becomes its home, and has its program */
export async function openClient(platform: Platform, project: string, folder: string): Promise<Terminal> {
  await opencodeBinary(platform.container(project), folder);
  return openTerminal(clientCommand(platform, project), {
    HOME: folder,
    PATH: [folder, process.env.PATH].join(delimiter),
    OPENCODE_DISABLE_AUTOUPDATE: "1",
  });
}
