import { createHash } from "node:crypto";

/**
 * What is said of a droplet whose user data is not what a new one would get; undefined where it is.
 * @param made as the provider gives it back: the hash of what the droplet was made with
 * @param key the setting with which it is replaced; `generation`: its value now
 */
export function userDataWarning(
  made: string | undefined,
  wanted: string,
  { key, generation }: { key: string; generation: string },
): string | undefined {
  if (!made || made === wanted || made === createHash("sha1").update(wanted).digest("hex")) return undefined;
  return (
    "the droplet's user data differs from what a new droplet would get; it was left unchanged. To replace it: " +
    `npm run pulumi -- config set ${key} <anything but ${generation}>. All projects will be down ` +
    "until the new droplet has their containers, about ten minutes; sessions and workspaces are on the volume and are kept; " +
    "the address changes."
  );
}
