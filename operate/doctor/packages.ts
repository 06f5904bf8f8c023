/** How old Debian's packages are in the images that run: they get no security fixes but by a rebuild. */
import type { Names } from "../../config/naming/names.ts";
import { DAY_MS, isoDay } from "../../config/text/days.ts";
import { parseJson } from "../../config/text/json.ts";
import type { RunDocker } from "../docker/containers.ts";
import { type Session, scriptOn } from "../engine/session.ts";
import { record } from "../state/checkpoint.ts";
import { type Finding, note, ok } from "./finding.ts";

/** Days after which a rebuild is proposed. Debian publishes security fixes of what the image has about as often. */
export const PACKAGES_STALE_DAYS = 14;

/** The command that rebuilds a stack's images with fresh packages. */
export const refreshCommand = ({ stack, isLocal }: Pick<Session, "stack" | "isLocal">): string =>
  scriptOn("refresh", isLocal ? "" : ` --stack ${stack}`);

/** An image that containers of the platform have, and when its packages were installed. */
export interface ImagePackages {
  readonly image: string;
  /** Absent where the image does not say so. */
  readonly installedAt?: Date;
}

/** The images of a platform's containers that have been built on its host. */
export async function readImagePackages(
  run: RunDocker,
  { prefix, platformLabel, image: repository }: Pick<Names, "prefix" | "platformLabel" | "image">,
): Promise<ImagePackages[]> {
  const filter = ["--filter", `label=${platformLabel}=${prefix}`];
  const { stdout } = await run(["ps", "--all", ...filter, "--format", "{{.Image}}"]);
  const used = stdout.split("\n").filter((image) => image.startsWith(`${repository}:`));
  const images = [...new Set(used)].sort();
  return Promise.all(
    images.map(async (image) => {
      const history = await run(["image", "history", "--no-trunc", "--format", "{{json .}}", image]);
      const installedAt = packagesInstalledAt(history.stdout);
      return { image, ...(installedAt ? { installedAt } : {}) };
    }),
  );
}

/**
 * Reads `docker image history`, which begins at the newest layer. The image's own date is that of its last layer, and a rebuild of that takes the
 * layer with the packages from the cache.
 */
export function packagesInstalledAt(history: string): Date | undefined {
  for (const line of history.split("\n")) {
    const { CreatedBy, CreatedAt } = record(parseJson(line));
    // The second of releases up to 0.2.
    if (!/\/build\/packages system\b|\bapt-get\b.*\binstall\b/s.test(String(CreatedBy ?? ""))) continue;
    const date = new Date(String(CreatedAt));
    return Number.isNaN(date.getTime()) ? undefined : date;
  }
  return undefined;
}

const daysOld = (installedAt: Date, now: Date): number =>
  Math.floor((now.getTime() - installedAt.getTime()) / DAY_MS);

/** The images whose rebuild is proposed. */
export const imagesWithOldPackages = (images: readonly ImagePackages[], now: Date): string[] =>
  images
    .filter(({ installedAt }) => installedAt && daysOld(installedAt, now) > PACKAGES_STALE_DAYS)
    .map(({ image }) => image);

/** @param refresh the command that rebuilds */
export function packagesFindings(images: readonly ImagePackages[], refresh: string, now: Date): Finding[] {
  return images.map(({ image, installedAt }) => {
    if (!installedAt) return note(`image ${image}: does not say how old its packages are`, refresh);
    const days = daysOld(installedAt, now);
    const text = `image ${image}: packages of ${isoDay(installedAt)}, ${days} days old`;
    return days > PACKAGES_STALE_DAYS ? note(text, refresh) : ok(text);
  });
}
