/** The command line. */
import { parseArgs } from "node:util";
import { UserError } from "./errors.ts";

export const USAGE = `Usage:
  opencode-platform <project>         opens the project in opencode, in this terminal
  opencode-platform <project> --print prints a local URL for an editor or another client, until Ctrl-C
  opencode-platform open <project>    opens the project in the browser
  opencode-platform ls                lists the projects and their states

<project> is a project's name or URL. Arguments after -- are passed to opencode.

  --platform <url>  the URL of the platform's panel (default: OPENCODE_PLATFORM_URL, else the one used last)
  --npx             installs opencode for this program alone, by its checksum, if the installed one is missing, older than the project's, or of
                    another major
  --help            prints this

To log in, install cloudflared; on a machine without a browser, set CF_ACCESS_CLIENT_ID and CF_ACCESS_CLIENT_SECRET.`;

export type Command =
  | { readonly kind: "help" }
  | { readonly kind: "ls"; readonly platform?: string }
  | { readonly kind: "open"; readonly project: string; readonly platform?: string }
  | {
      readonly kind: "attach";
      readonly project: string;
      readonly print: boolean;
      readonly npx: boolean;
      readonly more: readonly string[];
      readonly platform?: string;
    };

const usage = (message: string) => new UserError("usage", "opencode-platform", message, USAGE);

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        platform: { type: "string" },
        print: { type: "boolean", default: false },
        npx: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw usage((error as Error).message);
  }
}

/** Parses the command line; throws `UserError` (`usage`). */
export function readCommand(args: readonly string[]): Command {
  const end = args.indexOf("--");
  const more = end < 0 ? [] : args.slice(end + 1);
  const { values, positionals } = parse(end < 0 ? args : args.slice(0, end));
  const { platform, print, npx } = values;
  if (values.help) return { kind: "help" };
  const [first, ...rest] = positionals;
  if (first === undefined) throw usage("No project given.");
  if (first === "ls" && rest.length === 0) return { kind: "ls", platform };
  // `attach ls` opens a project named ls.
  const [project, ...unexpected] = first === "open" || first === "attach" ? rest : positionals;
  if (project === undefined) throw usage("No project given.");
  if (unexpected.length > 0) throw usage(`Unexpected argument: ${unexpected.join(" ")}`);
  if (first === "open") return { kind: "open", project, platform };
  return { kind: "attach", project, print, npx, more, platform };
}
