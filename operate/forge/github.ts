import * as z from "zod";
import { fail } from "../../config/errors.ts";
import type { Forge, Written } from "./forge.ts";
import { type Answer, describe, messageOf, type Request, send, type Transport } from "./http.ts";

/** The pipeline's environment in GitHub Actions. */
export interface GitHubPlace {
  readonly apiUrl: string;
  /** `owner/name`. */
  readonly repository: string;
  readonly token: string;
  readonly change: number | undefined;
}

/** The user of the job's own token. */
const AUTHOR = "github-actions[bot]";
const PAGE = 100;
/** GitHub allows 65,536 characters. */
const LIMIT = 65_000;

const userSchema = z.looseObject({ login: z.string() }).nullable();
const commentSchema = z.looseObject({
  id: z.number().int(),
  html_url: z.string(),
  body: z.string().nullish(),
  user: userSchema,
});
const issueSchema = z.looseObject({
  number: z.number().int(),
  html_url: z.string(),
  body: z.string().nullish(),
  user: userSchema,
  /** GitHub's list of issues includes pull requests. */
  pull_request: z.unknown().optional(),
});

type Permission = "pull-requests" | "issues";

/** The part of GitHub's API that the pipeline uses. */
export function gitHub(place: GitHubPlace, transport: Transport): Forge {
  const api = new Api(place, transport);
  return {
    name: "GitHub",
    limit: LIMIT,
    change: place.change,
    comments: (change) => ours(api.pages(`issues/${change}/comments`, commentSchema, "pull-requests")),
    addComment: async (change, body) =>
      written(await api.ask("POST", `issues/${change}/comments`, commentSchema, "pull-requests", { body })),
    editComment: async (_, id, body) =>
      written(await api.ask("PATCH", `issues/comments/${id}`, commentSchema, "pull-requests", { body })),
    openIssues: () =>
      ours(api.pages("issues", issueSchema, "issues", { state: "open", sort: "created", direction: "asc" })),
    addIssue: async (title, body) =>
      written(await api.ask("POST", "issues", issueSchema, "issues", { title, body })),
    editIssue: async (id, title, body) =>
      written(await api.ask("PATCH", `issues/${id}`, issueSchema, "issues", { title, body })),
    closeIssue: async (id, comment) => {
      await api.ask("POST", `issues/${id}/comments`, commentSchema, "issues", { body: comment });
      await api.ask("PATCH", `issues/${id}`, issueSchema, "issues", {
        state: "closed",
        state_reason: "completed",
      });
    },
  };
}

type ListedItem = z.output<typeof commentSchema> | z.output<typeof issueSchema>;

async function* ours(listed: AsyncIterable<ListedItem>): AsyncGenerator<Written> {
  for await (const one of listed) if (one.user?.login === AUTHOR && !one.pull_request) yield written(one);
}

const written = (one: ListedItem): Written => ({
  id: "number" in one ? (one.number as number) : (one.id as number),
  url: one.html_url,
  body: one.body ?? "",
});

class Api {
  private readonly place: GitHubPlace;
  private readonly transport: Transport;

  constructor(place: GitHubPlace, transport: Transport) {
    this.place = place;
    this.transport = transport;
  }

  async ask<T>(
    method: Request["method"],
    path: string,
    schema: z.ZodType<T>,
    permission: Permission,
    body?: unknown,
  ): Promise<T> {
    const url = `${this.place.apiUrl}/repos/${this.place.repository}/${path}`;
    const answer = await this.send({ method, url, headers: this.headers(), body }, permission);
    return understand(schema, answer, { method, url });
  }

  /** Every element of a paginated list. */
  async *pages<T>(
    path: string,
    schema: z.ZodType<T>,
    permission: Permission,
    query: Readonly<Record<string, string>> = {},
  ): AsyncGenerator<T> {
    for (let page = 1; ; page++) {
      const search = new URLSearchParams({ ...query, per_page: String(PAGE), page: String(page) });
      const elements = await this.ask("GET", `${path}?${search}`, z.array(schema), permission);
      yield* elements;
      if (elements.length < PAGE) return;
    }
  }

  private headers(): Record<string, string> {
    return {
      accept: "application/vnd.github+json",
      authorization: `Bearer ${this.place.token}`,
      "user-agent": "opencode-platform",
      "x-github-api-version": "2022-11-28",
    };
  }

  private async send(request: Request, permission: Permission): Promise<Answer> {
    const answer = await send(request, this.transport);
    if (answer.status < 300) return answer;
    const said = messageOf(answer.body);
    if (answer.status === 401)
      fail(
        "cloud",
        "GITHUB_TOKEN",
        `was rejected by GitHub (${said})`,
        `give the step "env: GITHUB_TOKEN: \${{ github.token }}"`,
      );
    // GitHub hides what a token is not allowed to see.
    if (answer.status === 404 || (answer.status === 403 && /not accessible|must have/i.test(said))) {
      const level = request.method === "GET" && answer.status === 403 ? "read" : "write";
      fail(
        "cloud",
        "GITHUB_TOKEN",
        `is not allowed to do this (${describe(request, answer)})`,
        `give the job "permissions: ${permission}: ${level}"; a run of a fork's pull request never gets it`,
      );
    }
    throw new Error(describe(request, answer));
  }
}

/** Validates a response; one of another form is a defect. */
export function understand<T>(
  schema: z.ZodType<T>,
  answer: Answer,
  request: Pick<Request, "method" | "url">,
): T {
  const result = schema.safeParse(answer.body);
  if (result.success) return result.data;
  throw new Error(`${describe(request, answer)} in an unexpected form: ${z.prettifyError(result.error)}`);
}
