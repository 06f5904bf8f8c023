import { readFileSync } from "node:fs";

const MANIFEST = new URL("../../../package.json", import.meta.url);

/** The version of a provider's plugin: that of its npm package. */
export function pluginVersion(name: string): string {
  const { dependencies } = JSON.parse(readFileSync(MANIFEST, "utf8")) as {
    dependencies: Record<string, string>;
  };
  const version = dependencies[`@pulumi/${name}`];
  if (!version) throw new Error(`package.json has no dependency @pulumi/${name}`);
  return version;
}
