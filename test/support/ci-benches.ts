import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach } from "vitest";
import { ACTIONS_LOGIN, type GitHubStandIn, startGitHub } from "../../lab/forges/github.ts";
import { type GitLabStandIn, startGitLab } from "../../lab/forges/gitlab.ts";
import type { ForgeServer } from "../../lab/forges/server.ts";
import type { Forge } from "../../operate/forge/forge.ts";
import type { Transport } from "../../operate/forge/http.ts";
import { forgeOf } from "../../operate/forge/place.ts";

/** Delays that the forge client would have waited. */
export const pauses: number[] = [];
export const transport: Transport = {
  fetch: (...args) => fetch(...args),
  wait: async (ms) => void pauses.push(ms),
};

const folder = mkdtempSync(join(tmpdir(), "ci-forge-"));
const running: ForgeServer[] = [];

/** Ends what a test of the file has started. */
export function useBenches(): void {
  afterAll(() => rmSync(folder, { recursive: true }));
  afterEach(async () => {
    pauses.length = 0;
    await Promise.all(running.splice(0).map((server) => server.close()));
  });
}

/** The test's view of either forge. */
export interface Bench {
  readonly server: ForgeServer;
  /** The pipeline's client, with a token that has the documented permissions. */
  readonly forge: Forge;
  /** The same with a read-only token, and with an unknown one. */
  readonly weak: Forge;
  readonly stranger: Forge;
  /** Texts of the pull or merge request's comments, and of open and closed issues. */
  comments(): string[];
  issues(state: "open" | "closed"): string[];
  commentBySomebody(body: string): void;
  issueBySomebody(body: string): void;
}

const must = (forge: Forge | undefined): Forge => {
  if (!forge) throw new Error("no forge");
  return forge;
};

export async function gitHubBench(): Promise<Bench> {
  const full = {
    login: ACTIONS_LOGIN,
    permissions: { contents: "read", "pull-requests": "write", issues: "write" },
  } as const;
  const tokens = {
    good: full,
    weak: { login: ACTIONS_LOGIN, permissions: { contents: "read", issues: "read" } } as const,
  };
  const server: GitHubStandIn = await startGitHub({ repository: "team/platform", tokens, pullRequests: [7] });
  running.push(server);
  const event = join(folder, "event.json");
  writeFileSync(event, JSON.stringify({ action: "opened", pull_request: { number: 7 } }));
  const as = (token: string) => must(forgeOf(gitHubEnv(server.apiUrl, token, event), transport));
  return {
    server,
    forge: as("good"),
    weak: as("weak"),
    stranger: as("unknown"),
    comments: () => server.comments.filter(({ issue }) => issue === 7).map(({ body }) => body),
    issues: (state) =>
      server.issues.filter((one) => one.state === state && !one.isPullRequest).map(({ body }) => body),
    commentBySomebody: (body) =>
      void server.comments.push({ id: server.comments.length + 1, issue: 7, login: "somebody", body }),
    issueBySomebody: (body) =>
      void server.issues.push({
        number: server.issues.length + 100,
        isPullRequest: false,
        login: "somebody",
        title: "",
        body,
        state: "open",
      }),
  };
}

const gitHubEnv = (apiUrl: string, token: string, event: string) => ({
  GITHUB_ACTIONS: "true",
  GITHUB_API_URL: apiUrl,
  GITHUB_REPOSITORY: "team/platform",
  GITHUB_TOKEN: token,
  GITHUB_EVENT_PATH: event,
});

export async function gitLabBench(): Promise<Bench> {
  const tokens = {
    good: { user: 42, role: "reporter", scopes: ["api"] },
    weak: { user: 43, role: "guest", scopes: ["read_api"] },
  } as const;
  const server: GitLabStandIn = await startGitLab({ projectId: "5", tokens, mergeRequests: [7] });
  running.push(server);
  const as = (token: string) =>
    must(
      forgeOf(
        {
          GITLAB_CI: "true",
          CI_API_V4_URL: server.apiUrl,
          CI_PROJECT_ID: "5",
          CI_MERGE_REQUEST_IID: "7",
          GITLAB_TOKEN: token,
        },
        transport,
      ),
    );
  return {
    server,
    forge: as("good"),
    weak: as("weak"),
    stranger: as("unknown"),
    comments: () => server.notes.filter(({ on }) => on === "merge_requests").map(({ body }) => body),
    issues: (state) =>
      server.issues
        .filter((one) => one.state === (state === "open" ? "opened" : "closed"))
        .map(({ description }) => description),
    commentBySomebody: (body) =>
      void server.notes.push({ id: server.notes.length + 1, on: "merge_requests", iid: 7, author: 1, body }),
    issueBySomebody: (body) =>
      void server.issues.push({
        iid: server.issues.length + 100,
        author: 1,
        title: "",
        description: body,
        state: "opened",
      }),
  };
}
