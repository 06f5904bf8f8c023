import { existsSync } from "node:fs";
import { aptInstall, canApt } from "../../toolchain/lib/apt.ts";
import { which } from "../../toolchain/lib/exec.ts";
import type { Part } from "../../toolchain/part.ts";

/** A command that only the tests need: from PATH, or Debian's. */
function commandPart(
  name: string,
  commands: readonly string[],
  packages: readonly string[],
  there: () => unknown = () => commands.map((command) => which(command)).find(Boolean),
): Part {
  return {
    name,
    remedy: `install ${packages[0]} with this machine's package manager`,
    find: async () => (there() ? "already installed" : undefined),
    download: async ({ progress }) => {
      if (!canApt()) return undefined;
      await aptInstall(packages, progress);
      return there() ? "installed from Debian's packages" : undefined;
    },
  };
}

/** Names of Chromium on PATH. */
export const CHROMIUM_COMMANDS = [
  "chromium",
  "chromium-browser",
  "google-chrome",
  "google-chrome-stable",
] as const;

export const chromiumPart = commandPart("chromium", CHROMIUM_COMMANDS, ["chromium", "fonts-dejavu-core"]);
export const tmuxPart = commandPart("tmux", ["tmux"], ["tmux"]);
export const registryPart = commandPart("docker-registry", ["docker-registry"], ["docker-registry"]);
export const gitPart = commandPart("git", ["git"], ["git"]);
export const resticPart = commandPart("restic", ["restic"], ["restic"]);
export const btrfsPart = commandPart("btrfs", ["mkfs.btrfs"], ["btrfs-progs"]);
/** Debian installs the server outside PATH, which asks for its whole path. */
export const sshdPart = commandPart("sshd", [], ["openssh-server"], () => existsSync("/usr/sbin/sshd"));
/** Debian installs the server outside PATH, in one directory per release. */
export const postgresPart = commandPart("postgresql", [], ["postgresql"], () =>
  existsSync("/usr/lib/postgresql"),
);
