/** Both kinds of Pulumi plugins on one machine: the environment that makes the engine use either. */
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { must } from "./run.ts";

/** Folder of official plugins; unset if no test needs them. */
export const OFFICIAL_PLUGINS = process.env.OPENCODE_PLATFORM_OFFICIAL_PLUGINS;

export type Kind = "official" | "stand-in";

const LANGUAGE_HOST = "pulumi-language-nodejs";

/**
 * Lays out both kinds below `folder`. The engine prefers plugins on PATH, and uses the language host next to
 * the CLI, so the official kind has its own toolchain. A provider that the official folder lacks is a
 * stand-in in both.
 * @returns the variables that select each kind
 */
export async function layOutKinds(
  folder: string,
  official: string,
  toolchain: string,
): Promise<Readonly<Record<Kind, NodeJS.ProcessEnv>>> {
  const [bin, copy] = [join(folder, "official"), join(folder, "toolchain")];
  await must("cp", ["-al", toolchain, copy]);
  mkdirSync(bin);
  for (const name of readdirSync(official).filter((name) => name.startsWith("pulumi-resource-")))
    symlinkSync(resolve(official, name), join(bin, name));
  for (const entry of readdirSync(join(toolchain, "pulumi-home", "plugins"))) {
    const [, provider] = /^resource-(.+)-v[\d.]+$/.exec(entry) ?? [];
    const name = `pulumi-resource-${provider}`;
    if (provider && !existsSync(join(bin, name)))
      symlinkSync(join(toolchain, "pulumi-home", "plugins", entry, name), join(bin, name));
  }
  const host = join(copy, "bin", LANGUAGE_HOST);
  rmSync(host, { force: true });
  symlinkSync(resolve(official, LANGUAGE_HOST), host);
  return {
    official: {
      PATH: [bin, process.env.PATH].join(delimiter),
      OPENCODE_PLATFORM_TOOLCHAIN: copy,
    },
    "stand-in": { PATH: process.env.PATH, OPENCODE_PLATFORM_TOOLCHAIN: toolchain },
  };
}
