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
  incompatible: 18,
} as const;

export type UserErrorKind = keyof typeof EXIT;

/**
 * An error that the person at the keyboard can fix. Its message is `what`, which is a whole sentence here, for the program that people see it
 * from prints nothing else beside it.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly kind: UserErrorKind;
  /** The program, variable, project or host that it is about. */
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
