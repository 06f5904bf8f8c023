/** The panel's settings: one structured setting, `panel`, and secrets beside it. */
import * as z from "zod";
import type { Problem } from "../errors.ts";
import { publishedHostKeys } from "../known-hosts.ts";
import { describeIssue, formatPath } from "../projects/messages.ts";
import { parseRepo } from "../projects/repo.ts";
import { show } from "../text/show.ts";
import { LOCAL_STACK, pulumiCommand, setSecretCommand, settingKey } from "./commands.ts";
import { BLOCKED_PORTS } from "./ports.ts";
import type { Parser } from "./reading.ts";

export const DEFAULT_PANEL_PORT = 4090;

const emailError = ({ input }: { input?: unknown }) =>
  `${show(input)} is not an e-mail address (e.g. dev@example.com)`;

const panelSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe(
      "Whether the droplet runs the panel, at `panelHostname`. On this machine `npm run panel` does.",
    ),
  port: z
    .int()
    .min(1024)
    .max(65535)
    .refine((port) => !BLOCKED_PORTS.has(port), {
      error: ({ input }) => `${show(input)} is a port that browsers block`,
    })
    .default(DEFAULT_PANEL_PORT)
    .describe("The panel's port on 127.0.0.1."),
  admins: z
    .array(z.email({ error: emailError }).transform((email) => email.toLowerCase()))
    .default([])
    .describe("E-mail addresses of admins, who can manage every project; owners manage their own."),
  machines: z
    .boolean()
    .default(false)
    .describe(
      "Whether a machine may read the panel's API on a droplet, with a service token of the panel's own: in the output `serviceTokens`.",
    ),
  create: z
    .enum(["everyone", "admins"], {
      error: ({ input }) =>
        input === undefined ? undefined : `${show(input)} is neither everyone nor admins`,
    })
    .default("everyone")
    .describe(
      "Who can create projects: everyone the stack admits, within `limits.perPerson`, or admins only. Default: everyone.",
    ),
  apply: z
    .enum(["ci", "here"], {
      error: ({ input }) => (input === undefined ? undefined : `${show(input)} is neither ci nor here`),
    })
    .optional()
    .describe(
      "On a droplet, who applies the panel's commits: `ci`, the pipeline, and then the panel holds no token, passphrase or state; or `here`, the panel itself. Default: `ci` where the repository has `.github/workflows` or `.gitlab-ci.yml`.",
    ),
  repoDirectories: z
    .array(z.string().min(1))
    .optional()
    .describe(
      "On this machine: directories below which an entry's `repo` may be a path; `~` is your home. Default: the one that this checkout is in.",
    ),
  idleDays: z
    .number()
    .min(0.01)
    .max(3650)
    .optional()
    .describe(
      "Days without activity after which a project counts as idle and `panelWebhook` is notified, once.",
    ),
  git: z
    .strictObject({
      remote: z
        .string()
        .regex(/^[^\s-]\S*$/, { error: ({ input }) => `${show(input)} is not a git remote's name or URL` })
        .describe("Where changes are pushed: a remote's name, or on a droplet the repository's ssh URL."),
      branch: z
        .string()
        .regex(/^[^\s-][^\s~^:?*[\\]*$/, { error: ({ input }) => `${show(input)} is not a branch's name` })
        .default("main")
        .describe("The branch that is deployed."),
      knownHosts: z
        .array(z.string().min(1))
        .default([])
        .describe(
          "Lines of known_hosts for it. Required on a droplet, unless the host is github.com or gitlab.com, whose published keys are built in.",
        ),
    })
    .optional()
    .describe("Without it the panel does not commit."),
});

/** The panel's settings, with defaults. */
export type PanelConfig = Readonly<Omit<z.output<typeof panelSchema>, "apply">> & {
  readonly apply: "ci" | "here";
};

/** The keys of `panel`, for documents. */
export const panelDocs: readonly { readonly key: string; readonly meaning: string }[] = [
  ...Object.entries(panelSchema.shape).flatMap(([key, schema]) =>
    key === "git" ? [] : [{ key, meaning: schema.description ?? "" }],
  ),
  ...Object.entries(panelSchema.shape.git.unwrap().shape).map(([key, schema]) => ({
    key: `git.${key}`,
    meaning: schema.description ?? "",
  })),
];

/**
 * Reads the setting `panel`, which is JSON in Pulumi's config.
 * @param context the stack, and whether the repository has a pipeline that can apply it
 * @returns the settings, or everything that is wrong with them
 */
export function parsePanelSettings(
  text: string,
  { stack, hasPipeline = false }: { readonly stack: string; readonly hasPipeline?: boolean },
): PanelConfig | Problem[] {
  const value = parse(text);
  const result = panelSchema.safeParse(value, { error: (issue) => describeIssue(issue) });
  if (result.success) {
    const isByPipeline = hasPipeline && stack !== LOCAL_STACK;
    return { ...result.data, apply: result.data.apply ?? (isByPipeline ? "ci" : "here") };
  }
  return result.error.issues.flatMap(({ path, message, ...issue }) => {
    const at = path.filter((step) => typeof step !== "symbol");
    const keys = issue.code === "unrecognized_keys" ? issue.keys : [undefined];
    const lines = message.split("\n");
    return keys.map((key, index): Problem => {
      const full = formatPath([settingKey("panel"), ...at, ...(key === undefined ? [] : [key])]).replace(
        /^\["(.+?)"\]/,
        "$1",
      );
      const command = key === undefined ? `set --path '${full}' <value>` : `rm --path '${full}'`;
      return { where: full, what: lines[index] ?? message, fix: pulumiCommand(`config ${command}`, stack) };
    });
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A webhook's address, which is a secret: anyone who has it can write to the channel. It is never quoted. */
export const parseWebhook: Parser<string> = (text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHere = /^(127\.0\.0\.1|localhost|\[::1\])$/.test(url?.hostname ?? "");
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isHere)) return text;
  return { mistake: "is not an https webhook URL" };
};

const VARIABLE = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/;

/** Variables, NAME=value on a line each. Values are secrets and never quoted. */
export const parseVariables: Parser<Readonly<Record<string, string>>> = (text) => {
  const variables: Record<string, string> = {};
  const lines = text.split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, name, value] = VARIABLE.exec(line.trim().replace(/^export /, "")) ?? [];
    if (name === undefined || value === undefined) return { mistake: `line ${index + 1} is not NAME=value` };
    variables[name] = value.replace(/^(["'])(.*)\1$/, "$2");
  }
  return variables;
};

/** Where a panel can be, and what one on a droplet needs besides, since it has no checkout or state of its own there. */
export function checkPanelSettings(panel: PanelConfig, hasVariables: boolean, stack: string): Problem[] {
  const at = (key: string) => settingKey(`panel.${key}`);
  if (stack === LOCAL_STACK && panel.apply === "ci") {
    const what = "is for droplet stacks: no pipeline reaches this machine";
    return [{ where: at("apply"), what, fix: pulumiCommand(`config rm --path '${at("apply")}'`, stack) }];
  }
  if (!panel.enabled) return [];
  if (stack === LOCAL_STACK) {
    const what = `is for droplet stacks; locally, start the panel yourself`;
    return [{ where: at("enabled"), what, fix: "npm run panel" }];
  }
  const problems: Problem[] = [];
  const remote = panel.git && parseRepo(panel.git.remote);
  if (!remote || "mistake" in remote || remote.kind !== "ssh")
    problems.push({
      where: at("git.remote"),
      what: `${panel.git ? `${show(panel.git.remote)} is not` : "is missing:"} the ssh address of the repository that this checkout is of`,
      fix: pulumiCommand(`config set --path '${at("git.remote")}' git@host:owner/repo.git`, stack),
    });
  else if (panel.git && hostKeysOf(panel.git).length === 0)
    problems.push({
      where: at("git.knownHosts"),
      what: `is missing: nobody is there to compare the key that ${remote.host} shows first`,
      fix: `compare the output of ssh-keyscan ${remote.host} with what its operator publishes, then ${pulumiCommand(`config set --path '${at("git.knownHosts[0]")}' '<a line of it>'`, stack)}`,
    });
  if (panel.apply === "here" && !hasVariables)
    problems.push({
      where: settingKey("panelEnvironment"),
      what: "is missing: with `panel.apply` here, the panel's updates need the same environment as yours (PULUMI_CONFIG_PASSPHRASE, the backend's variables)",
      fix: `${setSecretCommand(settingKey("panelEnvironment"), stack)} < <file of NAME=value lines>`,
    });
  return problems;
}

/** The lines of known_hosts by which the panel knows its repository's host. */
export const hostKeysOf = ({ remote, knownHosts }: NonNullable<PanelConfig["git"]>): readonly string[] =>
  knownHosts.length > 0 ? knownHosts : publishedHostKeys(remote);

/** Panel and gateway listen on the same loopback. */
export function checkPanelPort({ port }: PanelConfig, gateway: number | undefined, stack: string): Problem[] {
  if (port !== gateway) return [];
  const key = settingKey("panel.port");
  const fix = pulumiCommand(
    `config set --path '${key}' ${port === DEFAULT_PANEL_PORT ? port + 1 : DEFAULT_PANEL_PORT}`,
    stack,
  );
  return [{ where: key, what: `${port} is already the gateway's port`, fix }];
}
