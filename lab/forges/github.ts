/**
 * A stand-in for GitHub's HTTP API: comments on pull requests and issues, issues, tokens with permissions.
 *
 * Like the real one, it lists pull requests among the issues and responds with 401 to bad tokens, 403 to
 * missing permissions and requests without a User-Agent, 404 to missing resources, 422 to a body that is too
 * long. Unlike the real one, it rejects unknown fields. Pull requests are made as `gh pr create` does (github-pulls.ts). Not covered:
 * everything else, such as labels, reactions, search, the rest of GraphQL, conditional requests, `Link` headers.
 */
import * as z from "zod";
import { type GitHubPull, pullRoute } from "./github-pulls.ts";
import {
  allowQuery,
  type Call,
  type ForgeServer,
  pageOf,
  Reply,
  type Route,
  startForge,
  take,
} from "./server.ts";

type Level = "read" | "write";

/** A token's permissions, as in a job's `permissions:`, and its user. */
export interface GitHubToken {
  readonly login: string;
  readonly permissions: Readonly<Partial<Record<"contents" | "pull-requests" | "issues", Level>>>;
}

export interface GitHubComment {
  readonly id: number;
  readonly issue: number;
  readonly login: string;
  body: string;
}

export interface GitHubIssue {
  readonly number: number;
  readonly isPullRequest: boolean;
  readonly login: string;
  title: string;
  body: string;
  state: "open" | "closed";
}

export interface GitHubStandIn extends ForgeServer {
  readonly repository: string;
  /** All of them, oldest first; tests may add some. */
  readonly comments: GitHubComment[];
  readonly issues: GitHubIssue[];
  /** Pull requests that were made by the API. */
  readonly pulls: readonly GitHubPull[];
}

/** The user of a job's own token. */
export const ACTIONS_LOGIN = "github-actions[bot]";
const LONGEST = 65_536;

const commentBody = z.strictObject({ body: z.string().min(1) });
const newIssue = z.strictObject({ title: z.string().min(1), body: z.string().optional() });
const changedIssue = z.strictObject({
  title: z.string().min(1).optional(),
  body: z.string().optional(),
  state: z.enum(["open", "closed"]).optional(),
  state_reason: z.enum(["completed", "not_planned", "duplicate", "reopened"]).optional(),
});

export async function startGitHub(options: {
  readonly repository: string;
  readonly tokens: Readonly<Record<string, GitHubToken>>;
  readonly pullRequests: readonly number[];
  /** Whether the repository has a branch, for a pull request of it. Default: it has none. */
  hasBranch?(name: string): boolean;
}): Promise<GitHubStandIn> {
  const { repository, tokens } = options;
  const comments: GitHubComment[] = [];
  const issues: GitHubIssue[] = options.pullRequests.map((number) => ({
    number,
    isPullRequest: true,
    login: "somebody",
    title: `Pull request ${number}`,
    body: "",
    state: "open",
  }));
  const forge = new GitHub(repository, tokens, comments, issues);
  const pulls: GitHubPull[] = [];
  const parts = {
    repository,
    identify: (call: Call) => forge.identify(call),
    hasBranch: (name: string) => options.hasBranch?.(name) ?? false,
    next: () => Math.max(0, ...issues.map(({ number }) => number), ...pulls.map(({ number }) => number)) + 1,
  };
  const server = await startForge("", [...forge.routes(), pullRoute(parts, pulls)]);
  return { ...server, repository, comments, issues, pulls };
}

class GitHub {
  private readonly repository: string;
  private readonly tokens: Readonly<Record<string, GitHubToken>>;
  private readonly comments: GitHubComment[];
  private readonly issues: GitHubIssue[];

  constructor(
    repository: string,
    tokens: Readonly<Record<string, GitHubToken>>,
    comments: GitHubComment[],
    issues: GitHubIssue[],
  ) {
    this.repository = repository;
    this.tokens = tokens;
    this.comments = comments;
    this.issues = issues;
  }

  routes(): Route[] {
    const at = (path: string) => new RegExp(`/repos/([^/]+/[^/]+)/${path}`);
    return [
      { method: "GET", path: at("issues"), answer: (call) => this.listIssues(call) },
      { method: "POST", path: at("issues"), answer: (call) => this.addIssue(call) },
      { method: "PATCH", path: at("issues/(\\d+)"), answer: (call) => this.editIssue(call) },
      { method: "GET", path: at("issues/(\\d+)/comments"), answer: (call) => this.listComments(call) },
      { method: "POST", path: at("issues/(\\d+)/comments"), answer: (call) => this.addComment(call) },
      { method: "PATCH", path: at("issues/comments/(\\d+)"), answer: (call) => this.editComment(call) },
    ];
  }

  private listIssues(call: Call): Reply {
    this.admit(call, "read", "issues");
    allowQuery(call.query, ["state", "sort", "direction"]);
    const state = call.query.get("state") ?? "open";
    const found = this.issues
      .filter((issue) => state === "all" || issue.state === state)
      .sort((a, b) => a.number - b.number);
    if (call.query.get("direction") !== "asc") found.reverse();
    return new Reply(
      200,
      pageOf(found, call.query, 30).map((issue) => this.showIssue(issue)),
    );
  }

  private addIssue(call: Call): Reply {
    const { login } = this.admit(call, "write", "issues");
    const { title, body = "" } = take(newIssue, call.body, 422);
    refuseLong(body);
    const number = Math.max(0, ...this.issues.map((issue) => issue.number)) + 1;
    const issue: GitHubIssue = { number, isPullRequest: false, login, title, body, state: "open" };
    this.issues.push(issue);
    return new Reply(201, this.showIssue(issue));
  }

  private editIssue(call: Call): Reply {
    this.admit(call, "write", "issues");
    const issue = this.find(Number(call.parts[1]));
    const { title, body, state } = take(changedIssue, call.body, 422);
    refuseLong(body ?? "");
    Object.assign(issue, {
      title: title ?? issue.title,
      body: body ?? issue.body,
      state: state ?? issue.state,
    });
    return new Reply(200, this.showIssue(issue));
  }

  private listComments(call: Call): Reply {
    const issue = Number(call.parts[1]);
    this.admit(call, "read", "issues", ...this.alsoFor(issue));
    allowQuery(call.query, ["since"]);
    this.find(issue);
    const found = this.comments.filter((comment) => comment.issue === issue);
    return new Reply(
      200,
      pageOf(found, call.query, 30).map((comment) => this.showComment(comment)),
    );
  }

  private addComment(call: Call): Reply {
    const issue = Number(call.parts[1]);
    const { login } = this.admit(call, "write", "issues", ...this.alsoFor(issue));
    this.find(issue);
    const { body } = take(commentBody, call.body, 422);
    refuseLong(body);
    const comment = { id: this.comments.length + 1001, issue, login, body };
    this.comments.push(comment);
    return new Reply(201, this.showComment(comment));
  }

  private editComment(call: Call): Reply {
    const comment = this.comments.find(({ id }) => id === Number(call.parts[1]));
    this.admit(call, "write", "issues", ...this.alsoFor(comment?.issue ?? 0));
    if (!comment) throw notFound();
    const { body } = take(commentBody, call.body, 422);
    refuseLong(body);
    comment.body = body;
    return new Reply(200, this.showComment(comment));
  }

  /** A pull request's comments are accessible with either permission. */
  private alsoFor(issue: number): ["pull-requests"] | [] {
    return this.issues.some(({ number, isPullRequest }) => number === issue && isPullRequest)
      ? ["pull-requests"]
      : [];
  }

  /** The user of a request's token, and whether it may make pull requests. */
  identify(call: Call): { login: string; canWrite: boolean } {
    const { login, permissions } = this.tokenOf(call);
    return { login, canWrite: permissions["pull-requests"] === "write" };
  }

  private tokenOf(call: Call): GitHubToken {
    if (!call.headers["user-agent"])
      throw new Reply(403, { message: "Request forbidden by administrative rules." });
    const [scheme, value = ""] = (call.headers.authorization ?? "").split(" ");
    const token = scheme === "Bearer" || scheme === "token" ? this.tokens[value] : undefined;
    if (!token) throw new Reply(401, { message: "Bad credentials", status: "401" });
    return token;
  }

  private admit(call: Call, level: Level, ...one: (keyof GitHubToken["permissions"])[]): GitHubToken {
    const token = this.tokenOf(call);
    if (call.parts[0] !== this.repository) throw notFound();
    const enough = one.some(
      (name) => token.permissions[name] === "write" || token.permissions[name] === level,
    );
    if (!enough) throw new Reply(403, { message: "Resource not accessible by integration", status: "403" });
    return token;
  }

  private find(number: number): GitHubIssue {
    const issue = this.issues.find((each) => each.number === number);
    if (!issue) throw notFound();
    return issue;
  }

  private showIssue({ number, title, body, state, login, isPullRequest }: GitHubIssue): unknown {
    const page = `https://github.example/${this.repository}/${isPullRequest ? "pull" : "issues"}/${number}`;
    return {
      id: number * 7,
      number,
      title,
      body,
      state,
      html_url: page,
      user: { login, type: login.endsWith("[bot]") ? "Bot" : "User" },
      ...(isPullRequest ? { pull_request: { html_url: page } } : {}),
    };
  }

  private showComment({ id, issue, body, login }: GitHubComment): unknown {
    const html_url = `https://github.example/${this.repository}/issues/${issue}#issuecomment-${id}`;
    return { id, body, html_url, user: { login, type: login.endsWith("[bot]") ? "Bot" : "User" } };
  }
}

const notFound = (): Reply => new Reply(404, { message: "Not Found", status: "404" });

function refuseLong(body: string): void {
  if (body.length <= LONGEST) return;
  const errors = [
    { field: "body", code: "custom", message: `body is too long (maximum is ${LONGEST} characters)` },
  ];
  throw new Reply(422, { message: "Validation Failed", errors, status: "422" });
}
