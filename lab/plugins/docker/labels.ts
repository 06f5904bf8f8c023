/** Labels: a list of pairs in a program, a map in the daemon. */

import { records } from "../shared/plain.ts";
import { objects, type Property, replaced, text } from "../shared/schema.ts";
import type { Plain, PlainProps } from "../shared/values.ts";

export const labelsProperty: Property = objects({
  label: { ...text, required: true },
  value: { ...text, required: true },
});

export const replacedLabels: Property = replaced(labelsProperty);

/** For the daemon. */
export function labelMap(labels: Plain | undefined): Record<string, string> {
  return Object.fromEntries(records(labels).map(({ label, value }) => [String(label), String(value ?? "")]));
}

/** From the daemon, sorted. */
export function labelList(labels: Readonly<Record<string, string>> | null | undefined): PlainProps[] {
  const names = Object.keys(labels ?? {}).sort();
  return names.map((label) => ({ label, value: labels?.[label] ?? "" }));
}
