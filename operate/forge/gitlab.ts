import * as z from "zod";
import { fail } from "../../config/errors.ts";
import type { Forge, Written } from "./forge.ts";
import { understand } from "./github.ts";
import { type Answer, describe, messageOf, type Request, send, type Transport } from "./http.ts";

/** The pipeline's environment in GitLab CI. */
export interface GitLabPlace {
  /** Such as `https://gitlab.com/api/v4`. */
  readonly apiUrl: string;
  readonly projectId: string;
  /** A project access token; the job's own token can't write comments. */
  readonly token: string;
  readonly change: number | undefined;
  /** The project's page, for links. */
  readonly projectUrl: string | undefined;
}

const PAGE = 100;
/** GitLab allows 1,000,000 characters, more than anyone reads. */
const LIMIT = 200_000;

const authorSchema = z.looseObject({ id: z.number().int() });
const noteSchema = z.looseObject({ id: z.number().int(), body: z.string(), author: authorSchema });
const issueSchema = z.looseObject({
  iid: z.number().int(),
  web_url: z.string(),
  description: z.string().nullish(),
  author: authorSchema,
});

/** The part of GitLab's API that the pipeline uses. */
export function gitLab(place: GitLabPlace, transport: Transport): Forge {
  const api = new Api(place, transport);
  const note = ({ id, body }: z.output<typeof noteSchema>): Written => ({
    id,
    body,
    url: place.projectUrl ? `${place.projectUrl}/-/merge_requests/${place.change}#note_${id}` : `note ${id}`,
  });
  const issue = (one: z.output<typeof issueSchema>): Written => ({
    id: one.iid,
    url: one.web_url,
    body: one.description ?? "",
  });
  return {
    name: "GitLab",
    limit: LIMIT,
    change: place.change,
    async *comments(change) {
      const me = await api.me();
      const order = { sort: "asc", order_by: "created_at" };
      for await (const one of api.pages(`merge_requests/${change}/notes`, noteSchema, order))
        if (one.author.id === me) yield note(one);
    },
    addComment: async (change, body) =>
      note(await api.ask("POST", `merge_requests/${change}/notes`, noteSchema, { body })),
    editComment: async (change, id, body) =>
      note(await api.ask("PUT", `merge_requests/${change}/notes/${id}`, noteSchema, { body })),
    async *openIssues() {
      const query = { state: "opened", scope: "all", author_id: String(await api.me()), sort: "asc" };
      for await (const one of api.pages("issues", issueSchema, query)) yield issue(one);
    },
    addIssue: async (title, description) =>
      issue(await api.ask("POST", "issues", issueSchema, { title, description })),
    editIssue: async (id, title, description) =>
      issue(await api.ask("PUT", `issues/${id}`, issueSchema, { title, description })),
    closeIssue: async (id, comment) => {
      await api.ask("POST", `issues/${id}/notes`, noteSchema, { body: comment });
      await api.ask("PUT", `issues/${id}`, issueSchema, { state_event: "close" });
    },
  };
}

class Api {
  private readonly place: GitLabPlace;
  private readonly transport: Transport;
  private own: number | undefined;

  constructor(place: GitLabPlace, transport: Transport) {
    this.place = place;
    this.transport = transport;
  }

  /** The token's user: every project access token has a bot of its own. */
  async me(): Promise<number> {
    this.own ??= (await this.request("GET", "/user", authorSchema)).id;
    return this.own;
  }

  ask<T>(method: Request["method"], path: string, schema: z.ZodType<T>, body?: unknown): Promise<T> {
    return this.request(method, `/projects/${this.place.projectId}/${path}`, schema, body);
  }

  /** Every element of a paginated list. */
  async *pages<T>(
    path: string,
    schema: z.ZodType<T>,
    query: Readonly<Record<string, string>>,
  ): AsyncGenerator<T> {
    for (let page = 1; ; page++) {
      const search = new URLSearchParams({ ...query, per_page: String(PAGE), page: String(page) });
      const elements = await this.ask("GET", `${path}?${search}`, z.array(schema));
      yield* elements;
      if (elements.length < PAGE) return;
    }
  }

  private async request<T>(
    method: Request["method"],
    path: string,
    schema: z.ZodType<T>,
    body?: unknown,
  ): Promise<T> {
    const url = `${this.place.apiUrl}${path}`;
    const headers = { "private-token": this.place.token, "user-agent": "opencode-platform" };
    const answer = await this.send({ method, url, headers, body });
    return understand(schema, answer, { method, url });
  }

  private async send(request: Request): Promise<Answer> {
    const answer = await send(request, this.transport);
    if (answer.status < 300) return answer;
    if (answer.status === 401)
      fail(
        "cloud",
        "GITLAB_TOKEN",
        `was rejected by GitLab (${messageOf(answer.body)})`,
        "it may have expired: create a new project access token and put it into the CI/CD variables",
      );
    if (answer.status === 403 || answer.status === 404)
      fail(
        "cloud",
        "GITLAB_TOKEN",
        `is not allowed to do this (${describe(request, answer)})`,
        "create the project access token with the role Reporter and the scope api",
      );
    throw new Error(describe(request, answer));
  }
}
