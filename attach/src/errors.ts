/** Exit codes, one for each thing that a person can do something about. What opencode itself exits with is passed on as it is. */
export const EXIT = {
  usage: 2,
  unreachable: 10,
  notMember: 11,
  login: 12,
  stopped: 13,
  unknown: 14,
  older: 15,
  noCloudflared: 16,
  noOpencode: 17,
} as const;

export type Kind = keyof typeof EXIT;

/** Something a person can mend: what is wrong in a plain sentence, and what to do. */
export class AttachError extends Error {
  readonly kind: Kind;
  readonly fix: string;

  constructor(kind: Kind, message: string, fix: string) {
    super(message);
    this.kind = kind;
    this.fix = fix;
  }

  get exitCode(): number {
    return EXIT[this.kind];
  }
}
