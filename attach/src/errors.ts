/** Exit codes, one per kind of error that a person can fix. opencode's own exit code is passed on unchanged. */
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
  incompatible: 18,
  untrusted: 19,
} as const;

export type UserErrorKind = keyof typeof EXIT;

/**
 * An error that a person can fix. Its message is `what`, a full sentence, since it is printed without `where`.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly kind: UserErrorKind;
  /** The program, variable, project or host. */
  readonly where: string;
  readonly what: string;
  readonly fix: string;

  constructor(kind: UserErrorKind, where: string, what: string, fix: string) {
    super(what);
    this.kind = kind;
    this.where = where;
    this.what = what;
    this.fix = fix;
  }

  get exitCode(): number {
    return EXIT[this.kind];
  }
}
