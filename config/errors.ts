/** One thing a person has to put right: where it is, what is wrong, and how to mend it. */
export interface Problem {
  /** `projects.yaml:14:5 projects[2].resources.memory`, or the name of a setting or tool. */
  where: string;
  /** What is wrong, quoting what was found: `"4 bananas" is not a size (e.g. 512MiB, 4GiB)`. */
  what: string;
  /** A command or an edit that mends it, where `what` does not say it already. */
  fix?: string;
}

/** A person's mistake. Shown as its message alone, never with a stack trace; carries every problem found at once. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** One line for a problem: where, what, and the fix after a dash. */
export function formatProblem({ where, what, fix }: Problem): string {
  return `${where}: ${what}${fix ? ` — ${fix}` : ""}`;
}

/** What `read` gives, or undefined with its problems put to the others, so that the next thing is read all the same. */
export function collect<T>(problems: Problem[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}
