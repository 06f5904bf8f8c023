import type { Settings } from "./settings.ts";

/** The day of the packages in a project's image: its own, or the stack's. */
export const packagesDay = (
  { packages, packagesOf }: Pick<Settings, "packages" | "packagesOf">,
  project: string,
): string => packagesOf[project] ?? packages;
