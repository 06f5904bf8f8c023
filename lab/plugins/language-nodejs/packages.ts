/** Reads the provider packages of a program from its package.json. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A provider plugin that a program needs. */
export interface RequiredPackage {
  readonly name: string;
  readonly version: string;
  readonly server: string;
}

/** An installed dependency of the program. */
export interface Dependency {
  readonly name: string;
  readonly version: string;
}

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly pulumi?: {
    readonly resource?: boolean;
    readonly name?: string;
    readonly version?: string;
    readonly server?: string;
  };
}

function read(file: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Manifest;
  } catch {
    return undefined;
  }
}

/** The nearest package.json at or above the directory. */
function manifestAbove(directory: string): Manifest | undefined {
  const manifest = read(join(directory, "package.json"));
  const parent = dirname(directory);
  return manifest !== undefined || parent === directory ? manifest : manifestAbove(parent);
}

/** A dependency's package.json, resolved like Node. */
function installed(directory: string, name: string): Manifest | undefined {
  const manifest = read(join(directory, "node_modules", name, "package.json"));
  const parent = dirname(directory);
  return manifest !== undefined || parent === directory ? manifest : installed(parent, name);
}

/** The program's dependencies, in the order of package.json. */
export function dependenciesOf(programDirectory: string): Dependency[] {
  const names = Object.keys(manifestAbove(programDirectory)?.dependencies ?? {});
  return names.map((name) => ({ name, version: installed(programDirectory, name)?.version ?? "" }));
}

/** The provider plugins that the program's dependencies need. */
export function packagesOf(programDirectory: string): RequiredPackage[] {
  const names = Object.keys(manifestAbove(programDirectory)?.dependencies ?? {});
  return names.flatMap((dependency) => {
    const manifest = installed(programDirectory, dependency);
    if (manifest?.pulumi?.resource !== true) return [];
    const name = manifest.pulumi.name ?? dependency.replace(/^@pulumi\//, "");
    const version = manifest.pulumi.version ?? manifest.version ?? "";
    return [
      {
        name,
        version: version.startsWith("v") ? version : `v${version}`,
        server: manifest.pulumi.server ?? "",
      },
    ];
  });
}
