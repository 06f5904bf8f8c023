/** The commands that messages suggest, for the stack that they are about. */

import { shellQuote } from "../text/shell.ts";

/** Config namespace of the settings: the name in Pulumi.yaml. */
export const SETTINGS_NAMESPACE = "opencode-platform";

/** The stack that is meant where no other is named: the one on this machine. */
export const LOCAL_STACK = "local";

/** The full key of a setting: `opencode-platform:port`. */
export const settingKey = (name: string): string => `${SETTINGS_NAMESPACE}:${name}`;

/** `pulumi` as it is called in this checkout; any stack but `local` has to be named. */
export const pulumiCommand = (words: string, stack: string): string =>
  `npm run pulumi -- ${words}${stack === LOCAL_STACK ? "" : ` --stack ${stack}`}`;

/** Sets a config key to a value that is no secret. */
export const setCommand = (key: string, value: string, stack: string): string =>
  pulumiCommand(`config set ${key} ${quoted(value)}`.trimEnd(), stack);

/** Sets a config key to a secret. The command asks for the value, so that it is in no shell history. */
export const setSecretCommand = (key: string, stack: string): string =>
  pulumiCommand(`config set --secret ${key}`, stack);

/** Takes a config key out. */
export const removeCommand = (key: string, stack: string): string => pulumiCommand(`config rm ${key}`, stack);

/** Sets a part of a structured setting to a value that no shell changes. @param path the key with what leads to the part, as Pulumi writes it */
export const setPathCommand = (path: string, value: string, stack: string): string =>
  pulumiCommand(`config set --path '${path}' ${value}`, stack);

/** Takes a part of a structured setting out. */
export const removePathCommand = (path: string, stack: string): string =>
  pulumiCommand(`config rm --path '${path}'`, stack);

/** A value as a shell takes it; only `$`, backquotes and the like need more than double quotes. */
function quoted(value: string): string {
  if (/^[\w./:@%+=,-]*$/.test(value)) return value;
  return /["$`\\!]/.test(value) ? shellQuote(value) : `"${value}"`;
}
