/** A person's tokens, from cloudflared: it logs in with the browser and stores the session, so this program stores nothing. */
import { spawn } from "node:child_process";
import { UserError } from "./errors.ts";

/** Milliseconds for reading a stored token, and for logging in. */
const READ = 30_000;
const LOGIN = 5 * 60_000;

const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

export interface Cloudflared {
  /** The stored token for an application unless it has expired. Never prompts. */
  storedToken(url: URL): Promise<string | undefined>;
  /** A token that the edge accepts. Opens a browser unless the team's session is still valid. */
  login(url: URL): Promise<string | undefined>;
}

export interface CloudflaredOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** True to hide its output, while opencode draws on the terminal. */
  readonly quiet: () => boolean;
}

const notInstalled = () =>
  new UserError(
    "noCloudflared",
    "cloudflared",
    "The platform needs a login, and cloudflared is not installed.",
    "Install it (macOS: brew install cloudflared; others: https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/downloads/). On a machine without a browser, set CF_ACCESS_CLIENT_ID and CF_ACCESS_CLIENT_SECRET.",
  );

/** Runs the cloudflared in PATH. The token is read from its output, never passed as an argument. */
export function cloudflared({ env = process.env, quiet }: CloudflaredOptions): Cloudflared {
  const run = (args: readonly string[], timeout: number, verbose: boolean): Promise<string> => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const stdio = ["ignore", "pipe", verbose && !quiet() ? "inherit" : "ignore"] as const;
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
  // `access token` exits with 0 and prints nothing if it has none.
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
