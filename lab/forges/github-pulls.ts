/**
 * GitHub's pull requests as `gh pr create` makes them: three operations of its GraphQL API, by their names and variables.
 *
 * Like the real one, it answers 401 to bad tokens, and errors beside `data` to a token without write permission, to a branch that is not
 * there and to a second pull request of a branch. Everything else of GraphQL is refused by name.
 */
import * as z from "zod";
import { type Call, Reply, type Route, take } from "./server.ts";

/** A pull request that was made here. */
export interface GitHubPull {
  readonly number: number;
  readonly login: string;
  readonly title: string;
  readonly body: string;
  readonly head: string;
  readonly base: string;
}

/** What the operations need of the forge. */
interface Parts {
  readonly repository: string;
  /** Who a request is from; throws a reply if nobody. */
  identify(call: Call): { readonly login: string; readonly canWrite: boolean };
  /** Whether the repository has the branch. */
  hasBranch(name: string): boolean;
  /** The number of the next pull request or issue. */
  next(): number;
}

const request = z.strictObject({ query: z.string(), variables: z.record(z.string(), z.unknown()) });
const newPull = z.strictObject({
  repositoryId: z.string(),
  title: z.string().min(1),
  body: z.string(),
  baseRefName: z.string(),
  headRefName: z.string(),
  draft: z.boolean(),
  maintainerCanModify: z.boolean(),
});

/** The route of the API, at github.com's own address and at a server's. */
export function pullRoute(parts: Parts, pulls: GitHubPull[]): Route {
  const [owner, name] = parts.repository.split("/");
  const id = "R_1";
  const operations: Readonly<Record<string, (variables: Record<string, unknown>, call: Call) => unknown>> = {
    RepositoryInfo: (variables) => {
      if (variables.owner !== owner || variables.name !== name)
        throw error(
          `Could not resolve to a Repository with the name '${variables.owner}/${variables.name}'.`,
        );
      const repository = {
        id,
        name,
        owner: { login: owner },
        hasIssuesEnabled: true,
        description: "",
        hasWikiEnabled: false,
        viewerPermission: "WRITE",
        defaultBranchRef: { name: "main" },
        parent: null,
        mergeCommitAllowed: true,
        rebaseMergeAllowed: true,
        squashMergeAllowed: true,
      };
      return { repository };
    },
    PullRequestForBranch: ({ headRefName }) => {
      const nodes = pulls.filter(({ head }) => head === headRefName).map((pull) => show(parts, pull));
      return { repository: { pullRequests: { nodes }, defaultBranchRef: { name: "main" } } };
    },
    PullRequestCreate: ({ input }, call) => {
      const { login, canWrite } = parts.identify(call);
      if (!canWrite) throw error("Resource not accessible by personal access token", "FORBIDDEN");
      const { title, body, headRefName: head, baseRefName: base, repositoryId } = take(newPull, input, 422);
      if (repositoryId !== id) throw error("Could not resolve to a node with the global id");
      for (const branch of [head, base]) if (!parts.hasBranch(branch)) throw error(`${branch} is no branch`);
      if (pulls.some((pull) => pull.head === head))
        throw error(`A pull request already exists for ${owner}:${head}.`);
      const pull = { number: parts.next(), login, title, body, head, base };
      pulls.push(pull);
      return { createPullRequest: { pullRequest: { id: `PR_${pull.number}`, url: urlOf(parts, pull) } } };
    },
  };
  return {
    method: "POST",
    path: /(?:\/api)?\/graphql/,
    answer(call) {
      parts.identify(call);
      const { query, variables } = take(request, call.body, 400);
      const operation = /\b(?:query|mutation) (\w+)/.exec(query)?.[1] ?? "";
      if (!Object.hasOwn(operations, operation)) throw error(`This stand-in does not cover ${operation}`);
      return new Reply(200, { data: operations[operation]?.(variables, call) });
    },
  };
}

const error = (message: string, type = "UNPROCESSABLE"): Reply =>
  new Reply(200, { data: null, errors: [{ message, type }] });

const urlOf = ({ repository }: Parts, { number }: GitHubPull): string =>
  `https://github.example/${repository}/pull/${number}`;

const show = (parts: Parts, pull: GitHubPull) => ({
  id: `PR_${pull.number}`,
  number: pull.number,
  url: urlOf(parts, pull),
  state: "OPEN",
  baseRefName: pull.base,
  headRefName: pull.head,
  isCrossRepository: false,
  headRepositoryOwner: { id: "U_1", login: parts.repository.split("/")[0] },
});
