import { shellQuote } from "../../config/text/shell.ts";

/** A shell command that writes a file whole or not at all. @param mode as chmod takes it */
export const putFile = (path: string, text: string, mode: string): string =>
  `printf %s ${shellQuote(text)} > ${path}.new && chmod ${mode} ${path}.new && mv ${path}.new ${path}`;
