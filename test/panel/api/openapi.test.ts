import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ADMIN, container, MEMBER, World } from "../../support/panel/api-world.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
interface Answer {
  readonly description: string;
  readonly content?: Record<string, { schema: object }>;
}
interface Described {
  readonly parameters?: { name: string; in: string; required?: boolean; schema: object }[];
  readonly requestBody?: { content: Record<string, { schema: object }> };
  readonly responses: Record<string, Answer>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Described>>;
  readonly components: { schemas: Record<string, object> };
}

const documentOf = async (world = new World()) =>
  (await (await world.ask("GET", "/api/openapi.json")).json()) as Document;

/** All values of a key, at any depth. */
function valuesOf(value: unknown, key: string): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    ...(name === key ? [inner] : []),
    ...valuesOf(inner, key),
  ]);
}

/** Compiles schemas of the document. */
function validator(document: Document) {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (addFormats as unknown as (on: Ajv2020) => void)(ajv);
  ajv.addSchema({ $id: "https://panel.test/", ...document });
  return (schema: object) => {
    const text = JSON.stringify(schema).replaceAll('"#/', '"https://panel.test/#/');
    return ajv.compile(JSON.parse(text) as object);
  };
}

const operations = (document: Document) =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({ path, method, described })),
  );

describe("the OpenAPI description", () => {
  it("has exactly the app's routes", async () => {
    const world = new World();
    const document = await documentOf(world);
    const routes = world.app.routes
      .filter(({ method, path }) => method !== "ALL" && !path.includes("*"))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
    const described = operations(document).map(({ path, method }) => `${method.toUpperCase()} ${path}`);
    // A route's middleware and its handler are separate entries.
    expect(described.sort()).toEqual([...new Set(routes)].sort());
    expect(described).toEqual(
      expect.arrayContaining([
        "GET /api/projects",
        "GET /api/projects/events",
        "POST /api/projects",
        "POST /api/projects/check",
        "POST /api/projects/{name}/start",
        "POST /api/projects/{name}/stop",
        "GET /api/projects/{name}/rollback",
        "POST /api/projects/{name}/rollback",
        "POST /api/projects/{name}/setup",
        "POST /api/projects/{name}/wake",
        "POST /api/projects/{name}/sleep",
        "GET /api/projects/{name}/history",
        "GET /api/projects/{name}/backups",
        "POST /api/projects/{name}/backups",
        "POST /api/projects/{name}/restore",
        "POST /api/projects/{name}/checkpoints",
        "POST /api/projects/{name}/checkpoints/{id}/rollback",
        "DELETE /api/projects/{name}/checkpoints/{id}",
        "POST /api/projects/{name}/fork",
        "PATCH /api/projects/{name}",
        "DELETE /api/projects/{name}",
        "GET /api/projects/{name}/logs",
        "GET /api/operations",
        "GET /api/operations/{id}",
        "GET /api/operations/{id}/events",
        "GET /api/health",
        "GET /api/openapi.json",
      ]),
    );
  });

  it("has valid references and schemas", async () => {
    const document = await documentOf();
    expect(document.openapi).toBe("3.1.0");
    const references = valuesOf(document, "$ref").map(String);
    expect(references.length).toBeGreaterThan(20);
    for (const reference of references) {
      const [, name = ""] = /^#\/components\/schemas\/(\w+)$/.exec(reference) ?? [];
      expect(Object.keys(document.components.schemas), reference).toContain(name);
    }
    const compile = validator(document);
    for (const schema of Object.values(document.components.schemas))
      expect(() => compile(schema)).not.toThrow();
  });

  it("describes all responses of each route", async () => {
    for (const { path, method, described } of operations(await documentOf())) {
      const route = `${method} ${path}`;
      const statuses = Object.keys(described.responses);
      expect(statuses, route).toEqual(
        expect.arrayContaining(["401", "403", "404", "405", "421", "500", "503"]),
      );
      for (const name of path.match(/(?<=\{)\w+/g) ?? [])
        expect(described.parameters, route).toContainEqual(
          expect.objectContaining({ name, in: "path", required: true }),
        );
      for (const [status, answer] of Object.entries(described.responses)) {
        expect(answer.description, `${route} ${status}`).not.toBe("");
        if (Number(status) >= 400)
          expect(Object.keys(answer.content ?? {}), `${route} ${status}`).toContain(
            "application/problem+json",
          );
      }
    }
    const { paths } = await documentOf();
    for (const path of ["/api/projects/events", "/api/projects/{name}/logs", "/api/operations/{id}/events"])
      expect(paths[path]?.get?.responses["200"]?.content).toHaveProperty(["text/event-stream"]);
  });

  it("accepts an entry with secret values, and no unknown keys", async () => {
    const document = await documentOf();
    const schema = document.paths["/api/projects"]?.post?.requestBody?.content["application/json"]?.schema;
    const isValid = validator(document)(schema ?? {});
    expect(isValid({ name: "web-shop", secrets: ["A"], secretValues: { A: "x" } })).toBe(true);
    expect(isValid({ name: "web-shop", port: 80 })).toBe(false);
    expect(isValid({ name: "Web Shop" })).toBe(false);
  });
});

/** JSON that is sometimes nearly valid. */
const anyJson = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>;
const entry = fc.record(
  {
    name: fc.oneof(fc.constantFrom("web-shop", "secret-plan", "billing", "a"), fc.string(), anyJson),
    repo: fc.oneof(fc.constant("https://example.com/a.git"), fc.string(), anyJson),
    branch: fc.oneof(fc.constant("main"), fc.string({ unit: "binary" }), anyJson),
    depth: fc.oneof(fc.integer(), anyJson),
    state: fc.oneof(fc.constantFrom("running", "stopped"), anyJson),
    resources: fc.oneof(fc.record({ memory: fc.string(), cpus: fc.double() }, { requiredKeys: [] }), anyJson),
    env: fc.oneof(fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" })), anyJson),
    secrets: fc.oneof(fc.array(fc.constantFrom("A", "B", "PATH")), anyJson),
    git: fc.oneof(fc.constant({ auth: "token", secret: "A" }), anyJson),
    opencode: fc.oneof(fc.record({ config: anyJson }), anyJson),
    members: fc.oneof(fc.array(fc.constantFrom("shop", "x@example.com", "nobody")), anyJson),
    secretValues: fc.oneof(fc.dictionary(fc.constantFrom("A", "B", "__proto__"), fc.string()), anyJson),
  },
  { requiredKeys: [] },
);
const body = fc.oneof(
  entry.map((value) => JSON.stringify(value)),
  fc
    .record({ entry, secretValues: anyJson, replaces: fc.constantFrom("web-shop", "x", 1, null) })
    .map((value) => JSON.stringify(value)),
  anyJson.map((value) => JSON.stringify(value)),
  fc.string(),
);
const word = fc.oneof(
  fc.constantFrom("web-shop", "secret-plan", "op1", "..", "%00", "%", "check", "events"),
  fc.string().map(encodeURIComponent),
);
const query = fc.oneof(
  fc.constantFrom("", "?workspace=delete", "?workspace=delete&confirm=web-shop", "?lines=5", "?follow=1"),
  fc.webQueryParameters().map((text) => `?${text}`),
);
const headers = fc.record(
  {
    "if-match": fc.constantFrom('"x"', "*", "", 'W/"', "\u00ff"),
    "last-event-id": fc.constantFrom("1", "-1", "99999999999", "x"),
    "accept-encoding": fc.constantFrom("gzip", "br", "identity;q=0", "*"),
    "content-type": fc.constantFrom("application/json", "application/json; charset=latin1", "text/plain"),
    "content-length": fc.constantFrom("0", "-1", "x", "1e9"),
  },
  { requiredKeys: [] },
);

describe("random requests", () => {
  it("get described responses, never a defect", { timeout: 120_000 }, async () => {
    const document = await documentOf();
    const compile = validator(document);
    const problem = compile({ $ref: "#/components/schemas/Problem" });
    const all = [...operations(document), { path: "/api/{any}", method: "get", described: undefined }];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...all),
        fc.constantFrom("", "", "", "put", "options", "head"),
        fc.array(word, { minLength: 2, maxLength: 2 }),
        query,
        body,
        headers,
        fc.constantFrom(ADMIN, ADMIN, MEMBER),
        async ({ path, method, described }, other, words, search, text, extra, person) => {
          const world = new World();
          world.person = person;
          world.containers.put(container("web-shop"));
          const real = path.replaceAll(/\{\w+\}/g, () => words.pop() ?? "x");
          const used = (other || method).toUpperCase();
          const isBody = !["GET", "HEAD"].includes(used);
          const response = await world.ask(used, `${real}${search}`, {
            ...(isBody ? { body: text } : {}),
            headers: extra as Record<string, string>,
          });
          expect(world.defects).toEqual([]);
          world.streams.close();
          const { status } = response;
          const isReadable = used !== "HEAD" && !response.headers.has("content-encoding");
          if (status >= 400 && isReadable) {
            const body: unknown = await response.json();
            expect(problem(body), JSON.stringify(body)).toBe(true);
          }
          // A URL with `..` is of another path.
          const isAnother = real.includes("/..");
          if (!other && described && status !== 404 && !isAnother)
            expect(Object.keys(described.responses)).toContain(String(status));
        },
      ),
      { numRuns: 700, endOnFailure: true },
    );
  });
});
