/** `.dockerignore`: the files of a context that are excluded. */

interface Rule {
  readonly keeps: boolean;
  readonly pattern: RegExp;
}

function escaped(character: string): string {
  return /[\\^$.|+()[\]{}]/.test(character) ? `\\${character}` : character;
}

/** A regular expression for a pattern, matching paths and everything below them. */
function expression(pattern: string): RegExp {
  let source = "";
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? "";
    if (pattern.startsWith("**/", at)) {
      source += "(?:.*/)?";
      at += 2;
    } else if (pattern.startsWith("**", at)) {
      source += ".*";
      at += 1;
    } else if (character === "*") source += "[^/]*";
    else if (character === "?") source += "[^/]";
    else source += escaped(character);
  }
  return new RegExp(`^${source}(?:/.*)?$`);
}

/** Parses the file; later lines take precedence. */
export function ignoreRules(text: string): (path: string) => boolean {
  const rules = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line): Rule => {
      const keeps = line.startsWith("!");
      const path = (keeps ? line.slice(1) : line)
        .trim()
        .replace(/^\.?\/+/, "")
        .replace(/\/+$/, "");
      return { keeps, pattern: expression(path) };
    });
  return (path) => {
    const last = rules.findLast(({ pattern }) => pattern.test(path));
    return last !== undefined && !last.keeps;
  };
}
