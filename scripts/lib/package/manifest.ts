/** package.json of the published package, out of the checkout's. */

type Versions = Readonly<Record<string, string>>;

/** A package.json, as far as it matters here. */
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
 * What npm publishes. `attach`, which the package brings along, needs packages of its own; `allowScripts` is of no effect in a dependency,
 * but `init` copies it into the team's package.json.
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

/** Packages with an install script that only a checkout has. */
const DEVELOPMENT = new Set(["lefthook"]);
