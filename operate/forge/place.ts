import { readFileSync } from "node:fs";
import * as z from "zod";
import { UserError } from "../../config/errors.ts";
import type { Forge } from "./forge.ts";
import { gitHub } from "./github.ts";
import { gitLab } from "./gitlab.ts";
import { realTransport, type Transport } from "./http.ts";

type Env = Readonly<Record<string, string | undefined>>;

const required = z.string({ error: "is not set" }).min(1, { error: "is empty" });
const url = required.refine((text) => URL.canParse(text), { error: "is not a URL" });
const trimmed = url.transform((text) => text.replace(/\/+$/, ""));

const gitHubSchema = z.object({
  GITHUB_API_URL: trimmed,
  GITHUB_REPOSITORY: required.regex(/^[\w.-]+\/[\w.-]+$/, { error: "is not owner/name" }),
  GITHUB_TOKEN: required,
  GITHUB_EVENT_PATH: z.string().optional(),
});

const gitLabSchema = z.object({
  CI_API_V4_URL: trimmed,
  CI_PROJECT_ID: required.regex(/^\d+$/, { error: "is not a number" }),
  GITLAB_TOKEN: required,
  CI_MERGE_REQUEST_IID: z.string().regex(/^\d+$/, { error: "is not a number" }).optional(),
  CI_PROJECT_URL: trimmed.optional(),
});

const eventSchema = z.looseObject({
  pull_request: z.looseObject({ number: z.number().int().positive() }).optional(),
});

/** How to get what isn't set; the forges set the rest. */
const FIXES: Readonly<Record<string, string>> = {
  GITHUB_TOKEN: `give the step "env: GITHUB_TOKEN: \${{ github.token }}"`,
  GITLAB_TOKEN: "put a project access token (role Reporter, scope api) into the CI/CD variables, masked",
};

/**
 * The forge of this pipeline, from the environment of GitHub Actions or GitLab CI; undefined outside both.
 * @throws UserError with every missing or malformed variable
 */
export function forgeOf(env: Env, transport: Transport = realTransport): Forge | undefined {
  if (env.GITHUB_ACTIONS === "true") {
    const found = read(gitHubSchema, env);
    return gitHub(
      {
        apiUrl: found.GITHUB_API_URL,
        repository: found.GITHUB_REPOSITORY,
        token: found.GITHUB_TOKEN,
        change: pullRequest(found.GITHUB_EVENT_PATH),
      },
      transport,
    );
  }
  if (env.GITLAB_CI === "true") {
    const found = read(gitLabSchema, env);
    return gitLab(
      {
        apiUrl: found.CI_API_V4_URL,
        projectId: found.CI_PROJECT_ID,
        token: found.GITLAB_TOKEN,
        change: found.CI_MERGE_REQUEST_IID ? Number(found.CI_MERGE_REQUEST_IID) : undefined,
        projectUrl: found.CI_PROJECT_URL,
      },
      transport,
    );
  }
  return undefined;
}

/** URL of the run, where the forge sets it. */
export function runUrlOf(env: Env): string | undefined {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run, CI_JOB_URL } = env;
  const page = server && repository && run ? `${server}/${repository}/actions/runs/${run}` : CI_JOB_URL;
  return page && /^https?:\/\/[^\s()<>]+$/.test(page) ? page : undefined;
}

function read<T>(schema: z.ZodType<T>, env: Env): T {
  const result = schema.safeParse(env);
  if (result.success) return result.data;
  throw new UserError(
    "config",
    result.error.issues.map(({ path, message }) => {
      const where = String(path[0]);
      const fix = FIXES[where];
      return { where, what: message, ...(fix ? { fix } : {}) };
    }),
  );
}

/** Number of the event's pull request, if any. */
function pullRequest(eventPath: string | undefined): number | undefined {
  if (!eventPath) return undefined;
  const where = "GITHUB_EVENT_PATH";
  let text: string;
  try {
    text = readFileSync(eventPath, "utf8");
  } catch {
    throw new UserError("config", [{ where, what: `refers to an unreadable file: ${eventPath}` }]);
  }
  const result = eventSchema.safeParse(parseJson(text));
  if (!result.success) throw new UserError("config", [{ where, what: "is not a GitHub event" }]);
  return result.data.pull_request?.number;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
