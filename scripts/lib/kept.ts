/** What `npm run down` keeps. Pure. */
export interface Kept {
  readonly workspaces: string;
  /** The storage program's own directory, with the checkpoints; undefined where there is none. */
  readonly storage?: string | undefined;
  readonly state: string;
  readonly toolchain: string;
  /** The image of the tests' droplets; undefined where there is none. */
  readonly dropletImage?: string | undefined;
}

/** Its lines: where everything is, and how to delete it. */
export function keptLines({ workspaces, storage, state, toolchain, dropletImage }: Kept): string[] {
  return [
    "Kept, and how to delete it:",
    `  workspaces         ${workspaces}   npm run purge -- <name>, one by one`,
    ...(storage === undefined
      ? []
      : [
          `  checkpoints        ${storage}   a project's go with npm run purge; all: rm -rf as root, on btrfs after \`btrfs subvolume delete\` of checkpoints/*/*/*`,
        ]),
    `  state, passphrase  ${state}   rm -rf, once no stack and no secret is needed`,
    `  toolchain          ${toolchain}   rm -rf; installed again when needed`,
    ...(dropletImage === undefined
      ? []
      : [`  tests' droplets    ${dropletImage}   docker image rm; rebuilt in minutes`]),
  ];
}
