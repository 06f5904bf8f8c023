/** Shared by what the storage program does to a project: an operation beside the updates, for whoever may change the project. */
import type { z } from "@hono/zod-openapi";
import { answered, type OnProgress, type StorageAnswer } from "../../../operate/storage/client.ts";
import type { PanelServices } from "../parts.ts";
import type { OperationRequest, Report } from "../platform/types.ts";
import { assertCan, authorization, findProject, submit } from "./acts.ts";
import type { Catalog } from "./catalog.ts";
import { checkValue } from "./fields.ts";
import { HttpProblem, invalidFields } from "./problem.ts";
import { type Ctx, readJson } from "./route.ts";

/** A request's project and person, who may change it and whose project nothing else is done to. @throws HttpProblem */
export function begun(parts: PanelServices, catalog: Catalog, context: Ctx, name: string, act: string) {
  context.set("act", { name: act, project: name });
  const person = context.get("person");
  const snapshot = catalog.readSnapshot();
  const { project } = findProject(parts, snapshot, person, name);
  assertCan(parts, person, project, "change");
  const underWay = parts.operations
    .list()
    .find((each) => each.project === name && (each.state === "queued" || each.state === "running"));
  if (underWay)
    throw new HttpProblem(409, `${name} is busy: ${underWay.what}. Try again once that has ended.`);
  return { person, snapshot };
}

/** The body. @throws HttpProblem (400, 422) */
export async function bodyOf<Schema extends z.ZodType>(
  context: Ctx,
  schema: Schema,
): Promise<z.output<Schema>> {
  const { data, problems } = checkValue(schema, await readJson(context));
  if (problems) throw invalidFields(problems);
  return data;
}

export const onProgress =
  (report: Report): OnProgress =>
  ({ step, percent }) =>
    report(step, percent);

/** @throws UserError with the program's own reason */
export const done = (answer: StorageAnswer<unknown>, project: string): void =>
  void answered(answer, project, "look at the platform's health, then at the project's backups");

interface Work {
  readonly act: string;
  /** `back up web-shop`. */
  readonly what: string;
  readonly detail?: string;
  readonly work: NonNullable<OperationRequest["work"]>;
}

/** Submits work on a project, in the audit log with its detail. */
export function submitWork(
  parts: PanelServices,
  catalog: Catalog,
  context: Ctx,
  name: string,
  { act, what, detail, work }: Work,
): Promise<Response> {
  const { person } = begun(parts, catalog, context, name, act);
  context.set("act", { name: act, project: name, ...(detail === undefined ? {} : { detail }) });
  const authorize = authorization(parts, person, "change", name);
  return submit(parts, context, { person, what, project: name, authorize, work });
}
