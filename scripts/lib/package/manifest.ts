/** Derives the published package's package.json from the checkout's. */

type Versions = Readonly<Record<string, string>>;

/** The used fields of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly engines: Versions;
  readonly dependencies: Versions;
  readonly allowScripts?: Readonly<Record<string, boolean>>;
}

/**
 * The published package.json. Includes the dependencies of `attach`, which is part of the package.
 * `allowScripts` has no effect in a dependency, but `init` copies it into the team's package.json.
 */
export function publishedManifest(checkout: Manifest, attach: Pick<Manifest, "dependencies">): object {
  const { name, version, description, license, engines, allowScripts } = checkout;
  const dependencies = Object.entries({ ...checkout.dependencies, ...attach.dependencies });
  return {
    name,
    version,
    description,
    license,
    type: "module",
    bin: { "opencode-platform": "scripts/bin.mjs" },
    exports: { ".": "./index.js", "./package.json": "./package.json" },
    engines,
    dependencies: Object.fromEntries(dependencies.sort(([a], [b]) => (a < b ? -1 : 1))),
    allowScripts: Object.fromEntries(
      Object.entries(allowScripts ?? {}).filter(([dependency]) => !DEVELOPMENT.has(dependency)),
    ),
  };
}

/** Packages with an install script that only a checkout needs. */
const DEVELOPMENT = new Set(["lefthook"]);
