/**
 * A text without control characters but tab and line feed, and without what turns its direction: a project's server and the edge write parts of
 * what is printed, and a terminal obeys such characters.
 */
export const plain = (text: string): string => text.replace(/(?![\t\n])\p{Cc}|\p{Bidi_Control}/gu, "");
