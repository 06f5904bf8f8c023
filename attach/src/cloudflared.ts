/** Tokens of a person, from Cloudflare's own client: it logs in with a browser and keeps the session, so that nothing is kept here. */
import { spawn } from "node:child_process";
import { UserError } from "./errors.ts";

/** Milliseconds for reading a stored token, and for a person to log in. */
const READ = 30_000;
const LOGIN = 5 * 60_000;

const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

export interface Cloudflared {
  /** The stored token for an application, if there is one that has not expired. Asks nobody. */
  storedToken(url: URL): Promise<string | undefined>;
  /** A token that the edge accepts: without a question while the team's session lasts, else by a login in the browser. */
  login(url: URL): Promise<string | undefined>;
}

export interface CloudflaredOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Whether its words go to the terminal: not while opencode draws there. */
  readonly quiet: () => boolean;
}

const notInstalled = () =>
  new UserError(
    "noCloudflared",
    "cloudflared",
    "The platform asks you to log in, and cloudflared, which does that, is not installed.",
    "Install it (macOS: brew install cloudflared; others: https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/downloads/), or, for a machine, set CF_ACCESS_CLIENT_ID and CF_ACCESS_CLIENT_SECRET.",
  );

/** cloudflared of PATH. The token is read from its output, never given as an argument. */
export function cloudflared({ env = process.env, quiet }: CloudflaredOptions): Cloudflared {
  const run = (args: readonly string[], timeout: number, words: boolean): Promise<string> => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const stdio = ["ignore", "pipe", words && !quiet() ? "inherit" : "ignore"] as const;
    const child = spawn("cloudflared", args, { env, timeout, stdio: [...stdio] });
    let output = "";
    child.stdout?.on("data", (part: Buffer) => {
      output += part;
    });
    child.on("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "ENOENT" ? notInstalled() : error),
    );
    child.on("close", () => resolve(output));
    return promise;
  };
  // `access token` exits with 0 and prints nothing where it has none.
  const storedToken = async ({ origin }: URL) => {
    const output = (await run(["access", "token", `--app=${origin}`], READ, false)).trim();
    return TOKEN.test(output) ? output : undefined;
  };
  return {
    storedToken: storedToken,
    login: async (url) => {
      await run(["access", "login", url.origin], LOGIN, true);
      return await storedToken(url);
    },
  };
}
