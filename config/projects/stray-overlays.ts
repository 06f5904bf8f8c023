/** Files named as a stack's own that no stack has: a misspelt name would otherwise change nothing, in silence. */
import { readdirSync } from "node:fs";
import type { Problem } from "../errors.ts";
import { LOCAL_STACK } from "../stack/commands.ts";
import { closest } from "../text/show.ts";
import { overlayFile } from "./overlay.ts";

/** @param stack the stack that is checked, which may have no settings yet */
export function strayOverlays(checkout: string, stack: string): Problem[] {
  const names = readdirSync(checkout);
  const stacks = names.flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
  const known = [...new Set([LOCAL_STACK, stack, ...stacks])];
  return names.flatMap((file): Problem[] => {
    const named = /^projects\.(.+)\.yaml$/.exec(file)?.[1];
    if (named === undefined || known.includes(named)) return [];
    const guess = closest(named, known);
    const what = `is read for no stack: Pulumi.${named}.yaml not found`;
    return [{ where: file, what: `${what}${guess ? `; did you mean ${overlayFile(guess)}?` : ""}` }];
  });
}
