/** Settings kept on this machine: the last platform's URL, no secrets. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

const fileOf = (env: NodeJS.ProcessEnv) =>
  join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), ".config"), "opencode-platform", "settings.json");

export function rememberedPlatform(env: NodeJS.ProcessEnv): string | undefined {
  try {
    const { platform } = JSON.parse(readFileSync(fileOf(env), "utf8")) as { platform?: unknown };
    return typeof platform === "string" ? platform : undefined;
  } catch {
    return undefined;
  }
}

export function rememberPlatform(platform: string, env: NodeJS.ProcessEnv): void {
  mkdirSync(dirname(fileOf(env)), { recursive: true, mode: 0o700 });
  writeFileSync(fileOf(env), `${JSON.stringify({ platform })}\n`, { mode: 0o600 });
}
