/**
 * What a person may write in projects.yaml. The schema is the one source for checking, for the TypeScript types and
 * for projects.schema.json, which is what an editor shows: every key says its meaning, unit and default here.
 */
import * as z from "zod";
import { show } from "../text/show.ts";
import { OPENCODE } from "../versions.ts";
import { devcontainer } from "./devcontainer.ts";
import { defaultEnvironment, image, packages } from "./environment.ts";
import {
  branch,
  depth,
  destination,
  emailError,
  GROUP_NAME_PATTERN,
  groupNameError,
  memberError,
  modelError,
  projectName,
  repo,
  shellLines,
  timezone,
  trustedRepo,
  variableName,
  variableValue,
  versionError,
} from "./field-schemas.ts";
import { git } from "./git-schema.ts";
import { ports } from "./ports.ts";
import { repos } from "./repos.ts";
import { resources } from "./resources.ts";
import { services } from "./services.ts";
import { sleep } from "./sleep.ts";
import { backup, checkpoints } from "./storage.ts";

export const DEFAULT_MAX_PROJECTS = 20;
export const DEFAULT_PER_PERSON = 3;
const membersError = ({ code }: { code: string }) =>
  code === "too_small"
    ? "is empty: list members, or remove it to admit everyone the stack admits"
    : undefined;
const ownersError = ({ code }: { code: string }) =>
  code === "too_small" ? "is empty: list owners, or remove it to leave the project to the admins" : undefined;
const groupError = ({ code }: { code: string }) =>
  code === "too_small" ? "is empty: list members, or remove the group" : undefined;
const secretsError = ({ input }: { input?: unknown }) =>
  typeof input === "object" && input !== null
    ? "must be a list of names such as [GITHUB_TOKEN]; secret values do not belong in this file"
    : undefined;
/** E-mail addresses and names of groups. */
const people = (emptyError: (issue: { code: string }) => string | undefined) =>
  z
    .array(z.union([z.email(), z.string().regex(GROUP_NAME_PATTERN)], { error: memberError }))
    .min(1, { error: emptyError })
    .optional();
const projectError = ({ code, input }: { code: string; input?: unknown }) =>
  code === "invalid_type" && typeof input === "string"
    ? `${show(input)} is not an entry: use name: ${input}`
    : undefined;
const projectsError = ({ input }: { input?: unknown }) => {
  if (input === undefined) return "is required: use projects: [] for none";
  if (input === null) return "has no value: write projects: [] for none";
  return `must be a list, not ${show(input)}: start each entry with - name:`;
};

const env = z.record(variableName, variableValue);

const zone = timezone.optional().meta({ examples: ["Europe/Berlin", "UTC"] });

const network = z.strictObject({
  allow: z
    .array(destination)
    .optional()
    .describe(
      "What the container may open connections to: internet (every public address), host:<port> (a service of the host), or an address or network, with :<port> or without ([…]:<port> for IPv6). Link-local addresses can't be named; DNS works in any case; [] allows nothing else. Default: [internet].",
    )
    .meta({
      uniqueItems: true,
      examples: [["internet"], ["internet", "host:11434", "192.168.1.20/32:8080"]],
    }),
});

const opencode = z.strictObject({
  version: z
    .union(
      [
        z.literal(1),
        z.literal(2),
        z.string().regex(/^([12]|\d+\.\d+\.\d+(-[\w.]+)?)$/, { error: versionError }),
      ],
      {
        error: versionError,
      },
    )
    .optional()
    .describe(
      `opencode's release: 1 or 2 for the newest that the platform pins of that major, or an exact one. Default: 1 (${OPENCODE}).`,
    )
    .meta({ examples: [1, 2, OPENCODE] }),
  model: z
    .string({ error: modelError })
    .regex(/^[^\s/]+\/\S+$/, { error: modelError })
    .optional()
    .describe("opencode's initial model, as provider/model. Default: opencode's own.")
    .meta({ examples: ["anthropic/claude-sonnet-4-5"] }),
  config: z
    .record(z.string(), z.unknown())
    .refine((config) => !Object.hasOwn(config, "model"), {
      path: ["model"],
      error: "belongs one level up: opencode.model",
    })
    .optional()
    .describe(
      "Anything else of opencode.json, as opencode documents it; merged over the platform's own. A repository's opencode.json overrides it.",
    ),
  enforce: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      "Settings of opencode.json that no settings file of a repository overrides; merged over the platform's own (share: \"disabled\", no automatic updates). docs/security.md says what a repository's agents and plugins can still do.",
    )
    .meta({ examples: [{ permission: { bash: "ask" } }] }),
});

const project = z.strictObject(
  {
    name: projectName
      .describe(
        "The project's name, unique: its hostname, its container and its workspace. 1 to 32 lower-case letters, digits and hyphens.",
      )
      .meta({ examples: ["web-shop"] }),
    repo: repo
      .optional()
      .describe(
        "Repository to clone into an empty workspace: an https, ssh or git@host:path URL, or a path on the local stack. Default: none.",
      )
      .meta({ examples: ["https://github.com/example/web-shop.git", "git@github.com:example/web-shop.git"] }),
    branch,
    depth,
    repos: repos.optional(),
    trust: z
      .enum(["ask", "always"])
      .optional()
      .describe(
        "ask: opencode is not started until somebody who can open the project has looked at what the repository brings (plugins, agents, settings) and said yes, once per repository. always: it starts. Default: always for repositories in trustedRepos and without any, else ask.",
      ),
    state: z
      .enum(["running", "stopped"])
      .default("running")
      .describe("running, or stopped: the container is kept, with its workspace. Default: running."),
    resources: resources
      .optional()
      .describe("Limits of this project's container. Default, key by key: defaults.resources."),
    sleep: sleep
      .optional()
      .describe(
        "When the project is put to sleep, which frees its memory until somebody uses it: after a time without activity, or never (for one with scheduled jobs). Default, key by key: defaults.sleep.",
      ),
    backup: backup.optional(),
    checkpoints: checkpoints.optional(),
    image: image.optional(),
    devcontainer: devcontainer.optional(),
    packages: packages.optional(),
    env: env
      .optional()
      .describe("Environment variables, not secret: put tokens under secrets. Default: defaults.env."),
    timezone: zone.describe(
      "Time zone of everything in the project, by its name in the tz database. Default: defaults.timezone, else UTC.",
    ),
    network: network
      .optional()
      .describe(
        "What this project's container may connect to; replaces the whole of defaults.network. Default: defaults.network.",
      ),
    ports: ports.optional(),
    services: services.optional(),
    setup: shellLines
      .optional()
      .describe(
        "Lines of bash that run once in the workspace after the clone, and again when they change: opencode starts beside them, and a failure is shown and does not stop it. Default: none.",
      )
      .meta({ examples: ["npm ci"] }),
    secrets: z
      .array(variableName, { error: secretsError })
      .optional()
      .describe(
        "Names of secrets, which opencode gets as environment variables. Values are set with: npm run pulumi -- config set --secret secrets:<project>/NAME (or secrets:NAME for every project). Default: none.",
      )
      .meta({ uniqueItems: true, examples: [["ANTHROPIC_API_KEY"]] }),
    git: git.optional(),
    opencode: opencode
      .optional()
      .describe("opencode's settings in this project. Default, key by key: defaults.opencode."),
    members: people(membersError)
      .describe(
        "Who can open the project on droplet stacks: e-mail addresses and group names, and nobody else. Default: everyone the stack admits (accessEmails, accessEmailDomains).",
      )
      .meta({ uniqueItems: true, examples: [["dev@example.com", "shop"]] }),
    machines: z
      .boolean()
      .default(false)
      .describe(
        "Whether a machine can open the project on droplet stacks, with a service token of the project's own: in the output serviceTokens. Default: false, no machine can.",
      ),
    owners: people(ownersError)
      .describe(
        "Who can change, share, stop and delete the project in the panel: e-mail addresses and group names. They can also open it, if the stack admits them. Default: the panel's admins only.",
      )
      .meta({ uniqueItems: true, examples: [["dev@example.com"]] }),
  },
  { error: projectError },
);

/** The whole file. */
export const projectsFile = z
  .strictObject({
    defaults: z
      .strictObject({
        resources: resources.optional().describe("Limits of every project that does not set its own."),
        sleep: sleep
          .optional()
          .describe("When every project that does not say otherwise is put to sleep. Default: after 30m."),
        ...defaultEnvironment,
        env: env
          .optional()
          .describe("Environment variables of every project; an entry's own take precedence."),
        timezone: zone.describe("Time zone of every project that does not set its own. Default: UTC."),
        network: network
          .optional()
          .describe("What every project's container may connect to, unless its entry says otherwise."),
        opencode: opencode
          .optional()
          .describe("opencode's settings in every project; an entry's own take precedence."),
      })
      .optional()
      .describe("What every project gets unless its entry says otherwise."),
    limits: z
      .strictObject({
        maxProjects: z
          .int()
          .min(1)
          .max(1000)
          .default(DEFAULT_MAX_PROJECTS)
          .describe(`Maximum number of projects. Default: ${DEFAULT_MAX_PROJECTS}.`),
        perPerson: z
          .int()
          .min(0)
          .max(1000)
          .default(DEFAULT_PER_PERSON)
          .describe(
            `Maximum number of projects that a person can own when creating one in the panel; admins are not limited. Default: ${DEFAULT_PER_PERSON}.`,
          ),
      })
      .optional()
      .describe("Guards against a mistake that would fill the host."),
    groups: z
      .record(
        z.string().regex(GROUP_NAME_PATTERN, { error: groupNameError }),
        z.array(z.email({ error: emailError })).min(1, { error: groupError }),
      )
      .optional()
      .describe(
        "Groups of people, by name, as lists of e-mail addresses: which an entry's members can refer to.",
      )
      .meta({ examples: [{ shop: ["dev@example.com"] }] }),
    trustedRepos: z
      .array(trustedRepo)
      .optional()
      .describe(
        "Repositories that run what they bring without a question: addresses as in repo, or starts of addresses that end with /. Default: none.",
      )
      .meta({ uniqueItems: true, examples: [["https://github.com/example/"]] }),
    projects: z.array(project, { error: projectsError }).describe("One entry per project; [] for none."),
  })
  .describe("The projects of this platform: one isolated opencode per entry.");

/** The schema of each key of an entry, for rules that look at the keys one by one. */
export const projectKeys = project.shape;

/** The file as written, checked. */
export type ProjectsFile = z.output<typeof projectsFile>;
/** One entry as written, checked. */
export type ProjectEntry = z.output<typeof project>;
