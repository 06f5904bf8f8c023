// What the keeper did and saw of each project: in its log, and the last of it in memory for whoever asks.

/** Lines that are kept of each project. */
const LINES = 200;

/**
 * @typedef {{at: string, what: string, text?: string}} Line
 * @param {(text: string) => void} print
 */
export function makeHistory(print = (text) => console.log(text)) {
  /** @type {Map<string, Line[]>} */
  const lines = new Map();
  return {
    /** @param {string} what one word: `asleep`, `awake`, `healed` … */
    add(project, what, text = "") {
      const list = lines.get(project) ?? [];
      list.push({ at: new Date().toISOString(), what, ...(text ? { text } : {}) });
      lines.set(project, list.slice(-LINES));
      print(`${project}: ${what}${text ? `: ${text}` : ""}`);
    },
    of: (project) => lines.get(project) ?? [],
    /** Of projects that are no more. */
    forget(kept) {
      for (const project of lines.keys()) if (!kept.has(project)) lines.delete(project);
    },
  };
}
