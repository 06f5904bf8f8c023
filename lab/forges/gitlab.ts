/**
 * A stand-in for GitLab's HTTP API: notes of merge requests and issues, issues, tokens with a role and
 * scopes.
 *
 * Like the real one, it responds with 401 to bad tokens, 403 to a missing scope or role and to another user's
 * note, 404 to missing resources, 400 to a body that is too long. Unlike the real one, it rejects unknown
 * fields. Not covered: everything else, such as threads, labels, confidential issues, rate limits, keyset
 * paging, quick actions.
 */
import * as z from "zod";
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

const ROLES = ["guest", "reporter", "developer", "maintainer"] as const;
type Role = (typeof ROLES)[number];

/** A project access token: a bot user with a role in the project. */
export interface GitLabToken {
  readonly user: number;
  readonly role: Role;
  readonly scopes: readonly ("api" | "read_api")[];
}

export interface GitLabNote {
  readonly id: number;
  readonly on: "merge_requests" | "issues";
  readonly iid: number;
  readonly author: number;
  body: string;
}

export interface GitLabIssue {
  readonly iid: number;
  readonly author: number;
  title: string;
  description: string;
  state: "opened" | "closed";
}

export interface GitLabStandIn extends ForgeServer {
  readonly projectId: string;
  /** All of them, oldest first; tests may add some. */
  readonly notes: GitLabNote[];
  readonly issues: GitLabIssue[];
}

const LONGEST = 1_000_000;
const noteBody = z.strictObject({ body: z.string().min(1) });
const newIssue = z.strictObject({ title: z.string().min(1), description: z.string().optional() });
const changedIssue = z.strictObject({
  title: z.string().min(1).optional(),
  description: z.string().optional(),
  state_event: z.enum(["close", "reopen"]).optional(),
});

export async function startGitLab(options: {
  readonly projectId: string;
  readonly tokens: Readonly<Record<string, GitLabToken>>;
  readonly mergeRequests: readonly number[];
}): Promise<GitLabStandIn> {
  const notes: GitLabNote[] = [];
  const issues: GitLabIssue[] = [];
  const forge = new GitLab(options, notes, issues);
  const server = await startForge("/api/v4", forge.routes());
  return { ...server, projectId: options.projectId, notes, issues };
}

class GitLab {
  private readonly options: Parameters<typeof startGitLab>[0];
  private readonly notes: GitLabNote[];
  private readonly issues: GitLabIssue[];

  constructor(options: Parameters<typeof startGitLab>[0], notes: GitLabNote[], issues: GitLabIssue[]) {
    this.options = options;
    this.notes = notes;
    this.issues = issues;
  }

  routes(): Route[] {
    const at = (path: string) => new RegExp(`/projects/(\\d+)/${path}`);
    const notes = "(merge_requests|issues)/(\\d+)/notes";
    return [
      {
        method: "GET",
        path: /\/user/,
        answer: (call) => new Reply(200, this.showUser(this.authenticate(call).user)),
      },
      { method: "GET", path: at(notes), answer: (call) => this.listNotes(call) },
      { method: "POST", path: at(notes), answer: (call) => this.addNote(call) },
      { method: "PUT", path: at(`${notes}/(\\d+)`), answer: (call) => this.editNote(call) },
      { method: "GET", path: at("issues"), answer: (call) => this.listIssues(call) },
      { method: "POST", path: at("issues"), answer: (call) => this.addIssue(call) },
      { method: "PUT", path: at("issues/(\\d+)"), answer: (call) => this.editIssue(call) },
    ];
  }

  private listNotes(call: Call): Reply {
    this.admit(call, "reporter", "read_api");
    allowQuery(call.query, ["sort", "order_by"]);
    const [on, iid] = this.target(call);
    const found = this.notes.filter((note) => note.on === on && note.iid === iid);
    if (call.query.get("sort") !== "asc") found.reverse();
    return new Reply(
      200,
      pageOf(found, call.query, 20).map((note) => this.showNote(note)),
    );
  }

  private addNote(call: Call): Reply {
    const { user } = this.admit(call, "reporter", "api");
    const [on, iid] = this.target(call);
    const { body } = take(noteBody, call.body, 400);
    refuseLong(body, "note");
    const note = { id: this.notes.length + 5001, on, iid, author: user, body };
    this.notes.push(note);
    return new Reply(201, this.showNote(note));
  }

  private editNote(call: Call): Reply {
    const { user, role } = this.admit(call, "reporter", "api");
    const note = this.notes.find(({ id }) => id === Number(call.parts[3]));
    if (!note) throw new Reply(404, { message: "404 Not found" });
    if (note.author !== user && role !== "maintainer") throw new Reply(403, { message: "403 Forbidden" });
    const { body } = take(noteBody, call.body, 400);
    refuseLong(body, "note");
    note.body = body;
    return new Reply(200, this.showNote(note));
  }

  private listIssues(call: Call): Reply {
    this.admit(call, "guest", "read_api");
    allowQuery(call.query, ["state", "scope", "author_id", "sort"]);
    const state = call.query.get("state");
    const author = call.query.get("author_id");
    const found = this.issues.filter(
      (issue) => (!state || issue.state === state) && (!author || issue.author === Number(author)),
    );
    if (call.query.get("sort") !== "asc") found.reverse();
    return new Reply(
      200,
      pageOf(found, call.query, 20).map((issue) => this.showIssue(issue)),
    );
  }

  private addIssue(call: Call): Reply {
    const { user } = this.admit(call, "guest", "api");
    const { title, description = "" } = take(newIssue, call.body, 400);
    refuseLong(description, "description");
    const issue: GitLabIssue = {
      iid: this.issues.length + 1,
      author: user,
      title,
      description,
      state: "opened",
    };
    this.issues.push(issue);
    return new Reply(201, this.showIssue(issue));
  }

  private editIssue(call: Call): Reply {
    const { user, role } = this.admit(call, "guest", "api");
    const issue = this.issues.find(({ iid }) => iid === Number(call.parts[1]));
    if (!issue) throw new Reply(404, { message: "404 Not found" });
    if (issue.author !== user && ROLES.indexOf(role) < ROLES.indexOf("reporter"))
      throw new Reply(403, { message: "403 Forbidden" });
    const { title, description, state_event: event } = take(changedIssue, call.body, 400);
    refuseLong(description ?? "", "description");
    if (title !== undefined) issue.title = title;
    if (description !== undefined) issue.description = description;
    if (event) issue.state = event === "close" ? "closed" : "opened";
    return new Reply(200, this.showIssue(issue));
  }

  private target(call: Call): [on: GitLabNote["on"], iid: number] {
    const on = call.parts[1] === "issues" ? "issues" : "merge_requests";
    const iid = Number(call.parts[2]);
    const isThere =
      on === "issues"
        ? this.issues.some((issue) => issue.iid === iid)
        : this.options.mergeRequests.includes(iid);
    if (!isThere) throw new Reply(404, { message: "404 Not found" });
    return [on, iid];
  }

  private authenticate(call: Call): GitLabToken {
    const token = this.options.tokens[String(call.headers["private-token"] ?? "")];
    if (!token) throw new Reply(401, { message: "401 Unauthorized" });
    return token;
  }

  private admit(call: Call, role: Role, scope: "api" | "read_api"): GitLabToken {
    const token = this.authenticate(call);
    if (!token.scopes.includes("api") && !token.scopes.includes(scope)) {
      const error_description = "The request requires higher privileges than provided by the access token.";
      throw new Reply(403, { error: "insufficient_scope", error_description, scope: "api" });
    }
    if (call.parts[0] !== this.options.projectId) throw new Reply(404, { message: "404 Project Not Found" });
    if (ROLES.indexOf(token.role) < ROLES.indexOf(role)) throw new Reply(403, { message: "403 Forbidden" });
    return token;
  }

  private showUser(id: number): unknown {
    return { id, username: `project_${this.options.projectId}_bot_${id}`, bot: true, state: "active" };
  }

  private showNote({ id, body, author }: GitLabNote): unknown {
    return { id, body, system: false, author: this.showUser(author) };
  }

  private showIssue({ iid, title, description, state, author }: GitLabIssue): unknown {
    const web_url = `https://gitlab.example/team/platform/-/issues/${iid}`;
    return { id: iid * 11, iid, title, description, state, web_url, author: this.showUser(author) };
  }
}

function refuseLong(text: string, field: string): void {
  if (text.length > LONGEST)
    throw new Reply(400, { message: { [field]: [`is too long (maximum is ${LONGEST} characters)`] } });
}
