import { createHash } from "node:crypto";
import { kindOf } from "../engine/changes.ts";
import { consequencesOf } from "./consequences.ts";
import { code, collapsed, fenced, markdownTable, sentence, trimMiddle } from "./markdown.ts";
import { countSteps, type Operation, type Plan, type Step } from "./plan.ts";

/** Rows of a table; the full text has the rest. */
const MAX_ROWS = 60;
const MAX_SENTENCES = 20;
const MAX_PROPERTIES = 5;
/** Bytes of an error. */
const MAX_ERROR = 12_000;

const DONE: Readonly<Record<Operation, string>> = {
  create: "to create",
  update: "to update",
  replace: "to replace",
  delete: "to delete",
};

/** The content of a comment or an issue. */
export interface Report {
  readonly stack: string;
  readonly plan: Plan;
  /** The engine's output. */
  readonly text: string;
  /** The error, if there was one. */
  readonly explanation: string;
  /** Notices from before the engine ran. */
  readonly notes: readonly string[];
  readonly runUrl: string | undefined;
}

/** Summary of a plan: `2 to create, 1 to delete`, or that nothing changes. */
export function headline({ steps, unchanged }: Plan): string {
  const counts = countSteps(steps).map(([op, count]) => `${count} ${DONE[op]}`);
  const same = unchanged > 0 ? `, ${unchanged} unchanged` : "";
  return counts.length > 0 ? `${counts.join(", ")}${same}` : `nothing to change${same}`;
}

/** Renders the comment on a pull or merge request, at most `limit` bytes long. */
export function renderPreview({ stack, plan, text, notes, runUrl }: Report, limit: number): string {
  const top = [
    `### Preview of ${code(stack)}: ${headline(plan)}`,
    noticed(notes),
    consequences(plan),
    engineWarnings(plan),
    plan.steps.length > 0 ? stepsTable(plan.steps) : "",
  ];
  return withFullText(top, text, commentEnd(runUrl), limit);
}

/** Renders the comment for a failed preview, with the error as the terminal shows it. */
export function renderFailure({ stack, explanation, text, notes, runUrl }: Report, limit: number): string {
  const top = [
    `### Preview of ${code(stack)}: failed`,
    "Nothing can be applied until this is fixed:",
    fenced(trimMiddle(explanation, MAX_ERROR)),
    noticed(notes),
  ];
  return withFullText(top, text, commentEnd(runUrl), limit);
}

const commentEnd = (runUrl: string | undefined): string =>
  runUrl ? `<sub>[Full run](${runUrl}); a new push updates this comment.</sub>` : "";

/** Renders the issue about drift from the checked-in files. */
export function renderDrift(report: Report, limit: number): string {
  const { stack, plan, text, explanation, notes, runUrl } = report;
  const top = [
    `What runs in ${code(stack)} differs from the main branch: ${driftLine(report)}.`,
    noticed(notes),
    explanation
      ? `Other differences could not be determined:\n\n${fenced(trimMiddle(explanation, MAX_ERROR))}`
      : "",
    plan.steps.length > 0 ? stepsTable(plan.steps) : "",
    [
      "To fix it, either",
      `- run the pipeline's ${code("up")} (or ${code(`npm run ci -- up --stack ${stack}`)}), which restores it, or`,
      "- put the manual change into the files, and merge that.",
    ].join("\n"),
    consequences(plan),
    engineWarnings(plan),
    "The nightly check closes this issue once nothing differs.",
  ];
  const bottom = runUrl ? `<sub>[The run that found it](${runUrl})</sub>` : "";
  return withFullText(top, text, bottom, limit);
}

/** Describes drift in one line. */
export const driftLine = ({ plan, notes }: Pick<Report, "plan" | "notes">): string =>
  plan.steps.length > 0 || notes.length === 0
    ? headline(plan)
    : notes.map((note) => note.split("\n")[0]?.replace(/\.$/, "")).join("; ");

/** A short hash of the differences. */
export function fingerprint({ plan, notes }: Pick<Report, "plan" | "notes">): string {
  const lines = plan.steps.map(({ op, urn, properties }) => `${op} ${urn} ${properties.join(",")}`).sort();
  return createHash("sha256")
    .update([...lines, ...notes].join("\n"))
    .digest("hex")
    .slice(0, 16);
}

function withFullText(top: readonly string[], text: string, bottom: string, limit: number): string {
  const parts = (middle: string) => [...top, middle, bottom].filter(Boolean).join("\n\n");
  if (!text.trim()) return parts("");
  const frame = Buffer.byteLength(parts(collapsed("The engine's full text", fenced(""))));
  return parts(collapsed("The engine's full text", fenced(trimMiddle(text, limit - frame - 20))));
}

function consequences({ steps }: Plan): string {
  const said = consequencesOf(steps);
  return said.length > 0 ? `**Mind:**\n${bullets(said)}` : "";
}

function noticed(notes: readonly string[]): string {
  return notes.length > 0 ? `**Noticed:**\n${bullets(notes)}` : "";
}

function engineWarnings({ warnings }: Plan): string {
  return warnings.length > 0 ? `**The engine warns:**\n${bullets(warnings)}` : "";
}

function bullets(sentences: readonly string[]): string {
  const shown = sentences.slice(0, MAX_SENTENCES).map((said) => `- ${sentence(said.slice(0, 600))}`);
  const more = sentences.length - shown.length;
  return [...shown, ...(more > 0 ? [`- … and ${more} more`] : [])].join("\n");
}

function stepsTable(steps: readonly Step[]): string {
  const inOrder = [...steps].sort((a, b) => (a.project ?? "").localeCompare(b.project ?? ""));
  const rows = inOrder
    .slice(0, MAX_ROWS)
    .map((step) => [
      step.project ? code(step.project) : "all",
      step.op,
      `${kindOf(step.type)} ${code(step.name.slice(0, 100))}`,
      propertyList(step),
    ]);
  const more = steps.length - rows.length;
  const note = more > 0 ? `\n\n… and ${more} more, in the full text.` : "";
  return `${markdownTable(["project", "change", "resource", "what differs"], rows)}${note}`;
}

function propertyList({ properties }: Step): string {
  const shown = properties.slice(0, MAX_PROPERTIES).map((path) => code(path.slice(0, 60)));
  const more = properties.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(", ");
}
