/** Wakes projects and puts them to sleep, through the keeper, and shows what that did and saw. */
import type { KeeperAnswer } from "../../../operate/keeper/client.ts";
import type { PanelServices } from "../parts.ts";
import { assertCan, authorization, begin, findProject } from "./acts.ts";
import type { Catalog } from "./catalog.ts";
import { HttpProblem } from "./problem.ts";
import { type App, json, panelRoute } from "./route.ts";
import { nameParams } from "./schema.ts";
import { historySchema, sleepSchema } from "./sleep-schema.ts";

/** Who may start a project may wake it, and who may stop it may put it to sleep. */
const ACTS = {
  wake: {
    right: "start",
    summary: "Wakes a project that sleeps.",
    description:
      "Answers once its server does. Nothing is done to one that is awake. 409, with the reason, if it can't be woken: what is stopped has to be started.",
    failed: "woken",
  },
  sleep: {
    right: "stop",
    summary: "Puts a project to sleep at once.",
    description:
      "Its processes stay as they are and take no memory until somebody opens it. 409, with the reason, if it can't sleep now, as while a session is busy.",
    failed: "put to sleep",
  },
} as const;

/** Adds the routes. They need no update, so they are no operations. */
export function addSleep(app: App, parts: PanelServices, catalog: Catalog): void {
  addAct(app, parts, catalog, "wake");
  addAct(app, parts, catalog, "sleep");
  addHistory(app, parts, catalog);
}

function addAct(app: App, parts: PanelServices, catalog: Catalog, act: keyof typeof ACTS): void {
  const { right, summary, description, failed } = ACTS[act];
  app.openapi(
    panelRoute({
      method: "post",
      path: `/api/projects/{name}/${act}`,
      summary,
      description,
      request: { params: nameParams },
      responses: { 200: json(sleepSchema, "Done.") },
      problems: [409],
    }),
    async (context) => {
      const person = context.get("person");
      const { name } = context.req.valid("param");
      context.set("act", { name: act, project: name });
      const { project } = findProject(parts, catalog.readSnapshot(), person, name);
      assertCan(parts, person, project, right);
      await begin(parts, context);
      // With the rights that the person has by now.
      authorization(parts, person, right, name)(parts.file.read().text);
      parts.sleep.hurry();
      const state = answeredOr(await parts.keeper[act](name), `${name} can't be ${failed}`);
      return context.json({ state }, 200);
    },
  );
}

function addHistory(app: App, parts: PanelServices, catalog: Catalog): void {
  app.openapi(
    panelRoute({
      method: "get",
      path: "/api/projects/{name}/history",
      summary: "When a project fell asleep, was woken and was restarted by itself, and why.",
      description: "A diagnosis quotes the project's log, so that whoever can read that can read this.",
      request: { params: nameParams },
      responses: { 200: json(historySchema, "What the keeper did and saw.") },
      problems: [409],
    }),
    async (context) => {
      const { name } = context.req.valid("param");
      context.set("act", { name: "read history", project: name });
      findProject(parts, catalog.readSnapshot(), context.get("person"), name);
      await begin(parts, context);
      const events = answeredOr(await parts.keeper.history(name), `The history of ${name} can't be read`);
      return context.json({ events: [...events] }, 200);
    },
  );
}

/** @throws HttpProblem: 409 with the keeper's own reason, 503 without a keeper */
function answeredOr<Value>(answer: KeeperAnswer<Value>, what: string): Value {
  if (answer.kind === "answered") return answer.value;
  const reason = answer.reason.replace(/\.$/, "");
  throw new HttpProblem(answer.kind === "refused" ? 409 : 503, `${what}: ${reason}.`);
}
