// What is somebody's to know: a sentence of what is wrong, and what to do. Anything else that is thrown is shown by its message alone.

export class Refused extends Error {
  /** @param {string} what @param {string} [fix] */
  constructor(what, fix) {
    super(what);
    this.fix = fix;
  }
}

/** @returns {{what: string, fix?: string}} */
export const described = (error) => ({
  what: error instanceof Error ? error.message : String(error),
  ...(error instanceof Refused && error.fix ? { fix: error.fix } : {}),
});
