/** Text that a container, a repository or an agent has written, on its way to a terminal or a page. Pure. */

/** Ends of a control string: BEL, ST. */
const STRING_END = "(?:\\u0007|\\u001b\\\\|\\u009c)";
/** Colours and cursor movements; titles, links and clipboard writes up to their end; other escape sequences. */
const SEQUENCES = new RegExp(
  [
    "(?:\\u001b\\[|\\u009b)[0-?]*[ -/]*[@-~]",
    `(?:\\u001b[\\]PX^_]|[\\u009d\\u0090\\u0098\\u009e\\u009f])[^\\u0007\\u001b\\u009c\\n]*${STRING_END}`,
    "\\u001b[ -/]*[0-~]",
  ].join("|"),
  "g",
);
/** C0 but tab and line feed, DEL and C1; what turns the direction of text; separators of lines that only some programs take for one. */
const CONTROLS = /(?![\t\n])\p{Cc}|[\p{Bidi_Control}\u2028\u2029]/gu;

/**
 * A text without anything that a terminal obeys or that changes how its neighbours are read: escape sequences, control characters but tab and
 * line feed, and overrides of the direction. Used wherever output of a container enters, so that nothing behind it has to think of that.
 */
export const plainText = (text: string): string => text.replace(SEQUENCES, "").replace(CONTROLS, "");
