/** The newest published release of each pin: config/versions.ts by its comments, package.json by npm. */
import * as z from "zod";
import { exec } from "../../toolchain/lib/exec.ts";
import { compareVersions } from "../../toolchain/lib/words.ts";
import type { Pin } from "./pins.ts";

/** A pinned release and the newest one. */
export interface Release {
  readonly name: string;
  readonly pinned: string;
  /** Undefined if `trouble` has the reason. */
  readonly newest?: string;
  readonly trouble?: string;
}

/** Where releases are looked up; tests replace the addresses. */
export interface Sources {
  /** GitHub's API. Default: https://api.github.com. */
  readonly github?: string;
  /** Runs npm. Default: the one on PATH, with its own settings. */
  readonly npm?: (args: readonly string[]) => Promise<string>;
}

const TIMEOUT_MS = 15_000;

/** Looks up the newest release of every pin; never throws. */
export function newestReleases(pins: readonly Pin[], sources: Sources = {}): Promise<Release[]> {
  return Promise.all(
    pins.map(async ({ depName, datasource, version }) => {
      const found = await lookUp(datasource, depName, sources).catch((error: unknown) => ({
        trouble: error instanceof Error ? error.message : String(error),
      }));
      return { name: depName, pinned: version, ...found };
    }),
  );
}

/** Whether a newer release than the pin is published. */
export const isOutdated = ({ pinned, newest }: Release): boolean =>
  newest !== undefined && compareVersions(newest, pinned) > 0;

type Found = { newest: string } | { trouble: string };

async function lookUp(datasource: string, name: string, sources: Sources): Promise<Found> {
  if (datasource === "npm") return { newest: await fromNpm(name, sources) };
  if (datasource === "github-releases") return fromGitHub(name, sources.github ?? "https://api.github.com");
  return { trouble: `releases of ${datasource} are left to Renovate` };
}

async function fromNpm(name: string, { npm = runNpm }: Sources): Promise<string> {
  return (await npm(["view", name, "version"])).trim();
}

const releaseSchema = z.object({ tag_name: z.string() });

async function fromGitHub(repository: string, github: string): Promise<Found> {
  const url = `${github}/repos/${repository}/releases/latest`;
  try {
    const response = await fetch(url, {
      headers: { accept: "application/vnd.github+json", "user-agent": "opencode-platform" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) return { trouble: `${url} answered ${response.status}` };
    const { tag_name } = releaseSchema.parse(await response.json());
    return { newest: tag_name.replace(/^v(?=\d)/, "") };
  } catch (error) {
    const { cause, message } = error as Error;
    return {
      trouble: `${new URL(url).host} cannot be reached: ${cause instanceof Error ? cause.message : message}`,
    };
  }
}

const outdatedSchema = z.record(z.string(), z.looseObject({ latest: z.string() }));

/** The newest releases of package.json's dependencies, by one `npm outdated`. */
export async function newestPackages(
  dependencies: Readonly<Record<string, string>>,
  { npm = runNpm }: Sources = {},
): Promise<Release[]> {
  const names = Object.keys(dependencies).sort();
  let outdated: z.output<typeof outdatedSchema> | undefined;
  let trouble = "";
  try {
    outdated = outdatedSchema.parse(JSON.parse((await npm(["outdated", "--json"])).trim() || "{}"));
  } catch (error) {
    trouble =
      error instanceof z.ZodError ? "npm outdated did not list releases" : String((error as Error).message);
  }
  return names.map((name): Release => {
    const pinned = dependencies[name] ?? "";
    if (!outdated) return { name, pinned, trouble };
    return { name, pinned, newest: outdated[name]?.latest ?? pinned };
  });
}

/** Output of npm. `npm outdated` exits with 1 if something is outdated. */
export async function runNpm(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await exec("npm", [...args, "--loglevel", "error"], { timeoutMs: 60_000 });
  if (code === 0 || (args[0] === "outdated" && stdout.trim().startsWith("{"))) return stdout;
  const [line = ""] = stderr.trim().split("\n");
  throw new Error(line ? `npm ${args[0]} failed: ${line}` : `npm ${args[0]} did not answer in time`);
}
