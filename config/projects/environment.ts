/** `image` and `packages` of an entry: what the project's container has beside what the platform puts there. */
import { createHash } from "node:crypto";
import * as z from "zod";
import { show } from "../text/show.ts";
import type { Path } from "../text/yaml.ts";
import { about } from "./field-schemas.ts";
import { listOf, mapOf, type UncheckedMap } from "./rough.ts";
import type { Violation } from "./violation.ts";

/** What a project's image is built on, where that is not the stack's alone. */
export interface Environment {
  /** Reference of the image. Absent: the stack's `baseImage`. */
  readonly image?: string;
  /** Of an image that was built of the repository's devcontainer.json: `<project>:<what it is built of>`. It counts instead of `image`. */
  readonly built?: string;
  /** Packages of the image's distribution, sorted. */
  readonly packages: readonly string[];
}

/** A reference to an image, as Docker takes it: `python:3.13-bookworm`, `registry.example.com/team/base@sha256:…`. */
export const IMAGE_PATTERN = /^[a-z0-9][\w./:@-]*$/;
/** More are an image's own business. */
const MAX_PACKAGES = 50;
/** As Debian's policy and RPM have them, without apt's `name-` and `name=version`. */
const PACKAGE_PATTERN = /^[A-Za-z0-9][A-Za-z0-9.+_-]*[A-Za-z0-9+]$/;
/** Those of Debian alone. */
const DEBIAN_PACKAGE_PATTERN = /^[a-z0-9][a-z0-9.+-]*$/;

const imageError = about(
  (found) => `${found} is not an image reference (e.g. python:3.13-bookworm, golang:1.25)`,
);
const packageError = about(
  (found) =>
    `${found} is not the name of a package: write it without a version or options (e.g. golang, default-jdk-headless)`,
);

/** The key `image`. */
export const image = z
  .string({ error: imageError })
  .regex(IMAGE_PATTERN, { error: imageError })
  .describe(
    "Image that the project's container is built on: one based on Debian, Ubuntu or Fedora, to which opencode and the platform's tools are added. Default: defaults.image, else the stack's baseImage.",
  )
  .meta({ examples: ["python:3.13-bookworm", "golang:1.25"] });

/** The key `packages`. */
export const packages = z
  .array(z.string({ error: packageError }).regex(PACKAGE_PATTERN, { error: packageError }))
  .max(MAX_PACKAGES, { error: `lists more than ${MAX_PACKAGES} packages: use an image that has them` })
  .describe(
    "Packages that are installed in the project's image: of Debian, or of the distribution of `image`. [] for none. Default: defaults.packages.",
  )
  .meta({ uniqueItems: true, examples: [["golang", "php-cli", "default-jdk-headless"]] });

/** Both keys of `defaults`. */
export const defaultEnvironment = {
  image: image
    .optional()
    .describe(
      "Image that the container of every project is built on that does not name its own. Default: the stack's baseImage.",
    ),
  packages: packages
    .optional()
    .describe("Packages in the image of every project that does not list its own. Default: none."),
};

/** What a devcontainer.json says of the image, and whose it is. */
interface Locked {
  readonly image?: string | undefined;
  readonly built?: string | undefined;
}

interface Written {
  readonly name?: string;
  readonly image?: string | undefined;
  readonly packages?: readonly string[] | undefined;
}

/**
 * The environment of an entry; undefined where neither it nor `defaults` says anything of it.
 * @param lock what its devcontainer.json says
 */
export function readEnvironment(entry: Written, defaults: Written, lock?: Locked): Environment | undefined {
  const built = lock?.built && `${entry.name}:${lock.built}`;
  const image = lock ? lock.image : (entry.image ?? defaults.image);
  const packages = [...(entry.packages ?? defaults.packages ?? [])].sort();
  if (!built && image === undefined && packages.length === 0) return undefined;
  return { ...(built ? { built } : {}), ...(image === undefined ? {} : { image }), packages };
}

/**
 * What tells environments apart: a few characters for one of a project's own.
 * @param baseImage the stack's
 * @returns empty for what every project has that says nothing
 */
export function environmentKey(environment: Environment | undefined, baseImage: string): string {
  const { built, packages = [] } = environment ?? {};
  const image = built ?? environment?.image ?? baseImage;
  if (image === baseImage && packages.length === 0) return "";
  return createHash("sha256")
    .update(JSON.stringify([image, packages]))
    .digest("hex")
    .slice(0, 8);
}

/** Packages that Debian can't have, of an entry, or of `defaults`, whose image is the stack's. */
export function checkPackages(
  { image, devcontainer, packages: listed }: UncheckedMap,
  path: Path,
  defaults: UncheckedMap = {},
): Violation[] {
  if ([image, devcontainer, defaults.image].some((base) => base !== undefined)) return [];
  return listOf(listed).flatMap((name, index): Violation[] => {
    if (typeof name !== "string" || !PACKAGE_PATTERN.test(name) || DEBIAN_PACKAGE_PATTERN.test(name))
      return [];
    const what = `${show(name)} is not the name of a package of Debian: lower-case letters, digits, +, - and .`;
    return [{ path: [...path, "packages", index], what }];
  });
}

/** Whether an entry's image has more, or other programs, than the stack's. @param entry unchecked */
export const hasOwnEnvironment = (entry: unknown, defaults: unknown): boolean =>
  [entry, defaults].some((map) => {
    const { image, devcontainer, packages } = mapOf(map);
    return image !== undefined || devcontainer !== undefined || listOf(packages).length > 0;
  });
