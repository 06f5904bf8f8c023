/** The panel's HTTP app: authentication, the API and the page. */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { compress } from "hono/compress";
import { type AuditEntry, RefusalQuota } from "./access/audit.ts";
import { isAdmitted, personNow } from "./access/authority.ts";
import { guard } from "./access/guard.ts";
import { auditLine } from "./api/acts.ts";
import { Catalog } from "./api/catalog.ts";
import { addHealth } from "./api/health.ts";
import { addLogs } from "./api/logs.ts";
import { addOpenApi } from "./api/openapi.ts";
import { addOperations } from "./api/operations.ts";
import { HttpProblem, problemResponse, toHttpProblem } from "./api/problem.ts";
import { addProjects } from "./api/projects.ts";
import { type App, type Ctx, panelRoute, refuseInvalid, type Variables } from "./api/route.ts";
import { BODY_LIMIT } from "./api/schema.ts";
import type { PanelServices } from "./parts.ts";
import type { Person } from "./platform/types.ts";

type Middleware = MiddlewareHandler<{ Variables: Variables }>;

/** Liveness check: reveals nothing, so needs no authentication. */
const PING = "/ping";
const CHECK = "/api/projects/check";
const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

/** Creates the app, without side effects. */
export function makePanel(parts: PanelServices): App {
  const app: App = new OpenAPIHono<{ Variables: Variables }>({ defaultHook: refuseInvalid });
  app.onError((error, context) => handleError(parts, error, context));
  app.notFound((context) => handleNotFound(app, context));
  const catalog = new Catalog(
    () => parts.file.read(),
    (text) => parts.file.load(text),
  );
  app.use(identifyRequest, headers(parts), compress(), audit(parts), requireSignIn(parts, catalog));
  app.use(
    bodyLimit({
      maxSize: BODY_LIMIT,
      onError: () => {
        throw new HttpProblem(413, `The body is larger than ${BODY_LIMIT / 1024} KiB.`);
      },
    }),
  );
  addPing(app);
  addProjects(app, parts, catalog);
  addLogs(app, parts, catalog);
  addOperations(app, parts, catalog);
  addHealth(app, parts);
  addOpenApi(app);
  if (parts.page) app.route("/", parts.page);
  return app;
}

function addPing(app: App): void {
  const text = { description: "The panel is up.", content: { "text/plain": { schema: z.string() } } };
  app.openapi(
    panelRoute({
      method: "get",
      path: PING,
      summary: "Checks that the panel is up.",
      responses: { 200: text },
    }),
    (context) => context.text("pong"),
  );
}

/** One of the page's forty files, which has its own headers: all the others would add a third to the page's size. */
const isFile = ({ res }: Ctx): boolean => res.headers.get("Cache-Control")?.includes("immutable") ?? false;

const identifyRequest: Middleware = async (context, next) => {
  const id = crypto.randomUUID();
  context.set("requestId", id);
  await next();
  if (!isFile(context)) context.header("X-Request-Id", id);
};

/** Adds security headers to every response; the page's own headers win. */
const headers = ({ addresses }: PanelServices): Middleware => {
  const isPublic = addresses.origins.every((origin) => origin.startsWith("https:"));
  const always = Object.entries({
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
    ...(isPublic ? { "Strict-Transport-Security": "max-age=31536000" } : {}),
  });
  return async (context, next) => {
    await next();
    if (isFile(context)) return;
    for (const [name, value] of always) if (!context.res.headers.has(name)) context.header(name, value);
  };
};

/** Statuses of a request that somebody had no right to, who may have been looking for what there is. */
const NO_RIGHT: readonly number[] = [401, 403, 404, 421];

/** Writes the end of each request for a change or a log to the audit log, and each refusal. Acts write their beginning themselves. */
const audit = (parts: PanelServices): Middleware => {
  const quota = new RefusalQuota();
  return async (context, next) => {
    await next();
    const { method, path } = context.req;
    const isChange = !SAFE.has(method) && path !== CHECK;
    const isRefused = path.startsWith("/api/") && NO_RIGHT.includes(context.res.status);
    if (!isChange && !isRefused && !context.get("act")) return;
    const entry = actionOf(context);
    const { isWritten, unwritten } =
      entry.outcome === "refused" ? quota.take(entry.who.email) : { isWritten: true, unwritten: 0 };
    if (!isWritten) return;
    try {
      await parts.audit.record(unwritten > 0 ? { ...entry, unwritten } : entry);
    } catch (error) {
      parts.report(error, context.get("requestId"));
    }
  };
};

function actionOf(context: Ctx): AuditEntry {
  const { status } = context.res;
  return {
    ...auditLine(context),
    outcome: status < 400 ? "accepted" : status < 500 ? "refused" : "failed",
    status,
  };
}

/** Checks the request's origin, authenticates the person, and refuses whom the platform does not admit any more. */
const requireSignIn = (parts: PanelServices, catalog: Catalog): Middleware => {
  const { addresses, identify, localKey } = parts;
  return async (context, next) => {
    const header = (name: string) => context.req.header(name);
    const { method, path } = context.req;
    if (path === PING && SAFE.has(method)) return next();
    guard({ method, path, header }, addresses);
    const opened = method === "GET" ? localKey?.open(path, header("host")) : undefined;
    if (opened) return opened;
    const person = await identify(header);
    context.set("person", person);
    if (path.startsWith("/api/") && !isAdmittedNow(parts, catalog, person))
      throw new HttpProblem(403, "This platform does not admit you. Ask an admin of it.");
    return next();
  };
};

function isAdmittedNow(parts: PanelServices, catalog: Catalog, signedIn: Person): boolean {
  const authority = parts.authority();
  const person = personNow(signedIn, authority);
  // The file is read only for whom it decides.
  if (isAdmitted(person, [], authority)) return true;
  return isAdmitted(
    person,
    catalog.readSnapshot().projectEntries.map(({ project }) => project),
    authority,
  );
}

function handleError(parts: PanelServices, error: unknown, context: Ctx): Response {
  const refusal = toHttpProblem(error);
  const id = context.get("requestId");
  if (refusal.status === 500) parts.report(error, id);
  return problemResponse(refusal, id);
}

/** Answers 405 for a known path, 404 for any other. */
function handleNotFound(app: App, context: Ctx): Response {
  const { path, method } = context.req;
  const methods = app.openAPIRegistry.definitions.flatMap((definition) =>
    definition.type === "route" && matchesRoute(definition.route.path, path)
      ? [definition.route.method.toUpperCase()]
      : [],
  );
  const id = context.get("requestId");
  if (methods.length === 0 || methods.includes(method))
    return problemResponse(new HttpProblem(404, "Not found."), id);
  const Allow = [...new Set(methods)].sort().join(", ");
  const refusal = new HttpProblem(405, `This path allows ${Allow}.`, { headers: { Allow } });
  return problemResponse(refusal, id);
}

function matchesRoute(route: string, path: string): boolean {
  const [wanted, found] = [route.split("/"), path.split("/")];
  return (
    wanted.length === found.length &&
    wanted.every((part, index) => part.startsWith("{") || part === found[index])
  );
}
