/** Something this machine lacks, said so that a person can mend it. Shown as its message alone. */
export class ToolchainError extends Error {
  readonly where: string;
  readonly what: string;
  readonly fix: string | undefined;

  constructor(where: string, what: string, fix?: string) {
    super(`${where}: ${what}${fix ? ` — ${fix}` : ""}`);
    this.name = "ToolchainError";
    this.where = where;
    this.what = what;
    this.fix = fix;
  }
}
