/**
 * The stack's settings: what `npm run pulumi -- config set <key> <value>` takes. All are text in Pulumi's config. On the stack `local` all
 * are optional; what only stacks on a droplet have is in production.ts.
 */
import * as z from "zod";
import { type Problem, UserError } from "../errors.ts";
import { IMAGE_PATTERN } from "../projects/environment.ts";
import { PROJECT_NAME_PATTERN } from "../projects/field-schemas.ts";
import { closest, show } from "../text/show.ts";
import { BASE_IMAGE } from "../versions.ts";
import {
  type BackupSettings,
  checkBackupNeeds,
  parseBackup,
  parseBackupPassword,
  parseKeyPart,
  parseKnownHosts,
} from "./backup.ts";
import {
  LOCAL_STACK,
  pulumiCommand,
  removeCommand,
  setCommand,
  setSecretCommand,
  settingKey,
} from "./commands.ts";
import type { ReadFile } from "./company/ca-bundle.ts";
import { COMPANY_KEYS, type CompanySettings, companySchema, parseCompanySettings } from "./company/index.ts";
import {
  checkPanelPort,
  checkPanelSettings,
  type PanelConfig,
  parsePanelSettings,
  parseWebhook,
} from "./panel.ts";
import { BLOCKED_PORTS } from "./ports.ts";
import { parsePrivateKey } from "./private-key.ts";
import { PRODUCTION_SECRETS, parseProductionSettings, productionDocs } from "./production.ts";
import type { ProductionSettings } from "./production-schema.ts";
import { parseBoolean, reads } from "./reading.ts";
import { CLOUD_TOKENS, checkTokens, type TokensPresent } from "./tokens.ts";

export { SETTINGS_NAMESPACE, settingKey } from "./commands.ts";

const ROTATION = "passwordRotation";
/** When the packages of the images are of. */
export const PACKAGES = "packages";
/** Settings that a project may have its own value of, under `<setting>/<project>`. */
const PER_PROJECT = [ROTATION, PACKAGES] as const;
type PerProject = Record<(typeof PER_PROJECT)[number], Record<string, string>>;
/** A day, and which rebuild of that day. */
const PACKAGES_PATTERN = /^(\d{4}-\d{2}-\d{2}(\.\d{1,2})?)?$/;

const say = (rule: string) => (issue: { input?: unknown }) => `${show(issue.input)} is not ${rule}`;
const portError = say("a port: a whole number from 1 to 65535");
const refusedPortError = say("a port that browsers open (they block those of other protocols)");
const LOCAL_DOMAIN = /^(?=.{1,180}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const localDomainError = say(
  "a domain in lower case, without a dot at its ends (e.g. localhost, opencode.test)",
);
const prefixError = say("a prefix: at most 21 lower-case letters, digits and hyphens, first a letter");
const directoryError = say("a directory's path: no quotes, colons, commas, $ or \\");
const socketError = say("the absolute path of a socket");
const packagesError = say("a day such as 2026-11-29: npm run refresh sets it");
const imageError = say(`an image reference (e.g. ${BASE_IMAGE})`);

/** Paths that need no quoting in a shell or in Docker's own syntax. */
const PATH_CHARACTERS = /^[^\s:,'"`$\\][^\n\r:,'"`$\\]*$/;

const settingsSchema = z.strictObject({
  port: z
    .string()
    .regex(/^[1-9]\d{0,4}$/, { error: portError, abort: true })
    .refine((text) => Number(text) <= 65535, { error: portError, abort: true })
    .refine((text) => !BLOCKED_PORTS.has(Number(text)), { error: refusedPortError, abort: true })
    .transform(Number)
    .default(4080)
    .describe("Port on 127.0.0.1 that serves all projects."),
  localDomain: z
    .string()
    .regex(LOCAL_DOMAIN, { error: localDomainError })
    .default("localhost")
    .describe(
      "Domain of the projects' hostnames, each of which has to lead to 127.0.0.1. Another than localhost is for browsers that don't find names below that (Safari).",
    ),
  namePrefix: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,20}$/, { error: prefixError })
    .default("opencode")
    .describe("Prefix of all container, network and image names; distinguishes stacks on one Docker."),
  workspacesDir: z
    .string()
    .regex(PATH_CHARACTERS, { error: directoryError })
    .optional()
    .describe(
      "Directory for workspaces, relative to the checkout. Default: one of this checkout's own below `~/.local/share/opencode-platform/workspaces`.",
    ),
  dockerSocket: z
    .string()
    .regex(PATH_CHARACTERS, { error: socketError })
    .startsWith("/", { error: socketError })
    .default("/var/run/docker.sock")
    .describe("Socket of the Docker daemon."),
  baseImage: z
    .string()
    .regex(IMAGE_PATTERN, { error: imageError })
    .default(BASE_IMAGE)
    .describe(
      "Image that the projects' image is built on, unless an entry has its own (`image`): Debian with Node.",
    ),
  slimImage: reads(parseBoolean)
    .default(false)
    .describe(
      "Whether the projects' image has only what the platform itself needs: no compiler, Python, git-lfs, gh, tmux or database clients (docs/workspaces.md).",
    ),
  passwordRotation: z
    .string()
    .default("")
    .describe("Any text. Change it to rotate every project's password."),
  packages: z
    .string()
    .regex(PACKAGES_PATTERN, { error: packagesError })
    .default("")
    .describe(
      "Day of which the packages in the projects' image are, since its last rebuild by `npm run refresh`, which sets it.",
    ),
  panel: z
    .string()
    .default("{}")
    .describe("The panel's settings: set each with `--path`, e.g. `panel.idleDays` (docs/panel.md)."),
  panelWebhook: reads(parseWebhook)
    .optional()
    .describe("Slack or Discord webhook for notices of idle projects; set it with `--secret`."),
  backup: z
    .string()
    .optional()
    .describe(
      "Backups of the projects: `backup.to`, `backup.every`, `backup.keep.daily` (`weekly`, `monthly`) and `backup.exclude`; set each with `--path` (docs/backup.md). Default: none are made.",
    ),
  backupPassword: reads(parseBackupPassword)
    .optional()
    .describe(
      "Password that backups are encrypted with, 16 characters or more; set it with `--secret`. Default: one that the stack makes.",
    ),
  backupKeyId: reads(parseKeyPart)
    .optional()
    .describe("Id of the key for a bucket (access key id); set it with `--secret`."),
  backupKeySecret: reads(parseKeyPart)
    .optional()
    .describe("The secret of that key (secret access key); set it with `--secret`."),
  backupSshKey: reads(parsePrivateKey)
    .optional()
    .describe("Private key that logs in where backups are sent by sftp; set it with `--secret`."),
  backupKnownHosts: reads(parseKnownHosts)
    .optional()
    .describe("Lines of known_hosts for that server, or a list of them."),
  ...companySchema,
});

/** Settings of every stack that are secrets. */
const SECRETS = ["panelWebhook", "backupPassword", "backupKeyId", "backupKeySecret", "backupSshKey"];

/** On which stacks a setting is: all, `local` alone, or all but that. */
export type SettingKind = "every" | "local" | "droplet";

/** Settings that make sense for this machine alone: a droplet has its volume at one place and its own Docker. */
const LOCAL_ONLY: ReadonlySet<string> = new Set(["localDomain", "workspacesDir", "dockerSocket"]);

/** Every setting with its meaning and default, for documents and `doctor`. */
export const settingDocs: readonly {
  readonly key: string;
  readonly meaning: string;
  readonly default: string;
  readonly kind: SettingKind;
}[] = [
  ...Object.entries(settingsSchema.shape).map(([key, schema]) => ({
    key,
    meaning: schema.description ?? "",
    default: String(schema.parse(undefined) ?? ""),
    kind: LOCAL_ONLY.has(key) ? ("local" as const) : ("every" as const),
  })),
  ...PER_PROJECT.map((key) => ({
    key: `${key}/<project>`,
    meaning: `The same as \`${key}\`, for one project.`,
    default: "",
    kind: "every" as const,
  })),
  ...productionDocs.map((docs) => ({ ...docs, kind: "droplet" as const })),
];

/** The stack's settings, typed, with defaults. */
export type Settings = Readonly<
  Omit<z.output<typeof settingsSchema>, "panel" | "backup" | keyof CompanySettings>
> &
  CompanySettings & {
    readonly panel: PanelConfig;
    /** Absent: no backups are made. */
    readonly backup?: BackupSettings;
    /** Per project, what its own `passwordRotation/<project>` says. */
    readonly passwordRotations: Readonly<Record<string, string>>;
    /** Per project that has another image than `packages` says, what its own `packages/<project>` says. */
    readonly packagesOf: Readonly<Record<string, string>>;
    /** On every stack but `local`. */
    readonly production?: ProductionSettings;
  };

/** What is known of the stack that settings are for. */
export interface SettingsContext {
  readonly stack: string;
  readonly tokens: TokensPresent;
  /** Full keys that are known to be kept in plain text. Secrets among them are refused. */
  readonly plain?: ReadonlySet<string>;
  /** Full keys that have an encrypted value, where it cannot be read. */
  readonly hidden?: ReadonlySet<string>;
  /** Whether the repository has a pipeline that can apply it (pipeline.ts). Default: false. */
  readonly hasPipeline?: boolean;
  /** Reads a file of the checkout that a setting names. Default: such files are not read. */
  readonly readFile?: ReadFile;
}

const LOCAL: SettingsContext = { stack: LOCAL_STACK, tokens: { digitalocean: false, cloudflare: false } };

/**
 * Of a stack's config as the program gets it, the keys that are kept in plain text.
 * @param secretKeys what Pulumi says of that, as JSON in PULUMI_CONFIG_SECRET_KEYS; without it nothing is known
 */
export function plainKeys(
  config: Readonly<Record<string, string>>,
  secretKeys: string | undefined,
): ReadonlySet<string> {
  if (!secretKeys) return new Set();
  const secret: unknown = JSON.parse(secretKeys);
  return new Set(Object.keys(config).filter((key) => Array.isArray(secret) && !secret.includes(key)));
}

/** Of a stack's whole config, the settings: the keys of their namespace, without it. */
export function withoutNamespace(config: Readonly<Record<string, string>>): Record<string, string> {
  const prefix = settingKey("");
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value] as const] : [],
    ),
  );
}

/**
 * Reads settings from raw config, keyed without the namespace.
 * @throws UserError with every problem at once, each with the command that fixes it.
 */
export function parseSettings(
  raw: Readonly<Record<string, string | undefined>>,
  context: SettingsContext = LOCAL,
): Settings {
  const { stack } = context;
  const isLocal = stack === LOCAL_STACK;
  const { common, droplet, perProject, problems } = sort(raw, stack);
  if (!isLocal) problems.push(...checkStackName(stack), ...checkTokens(context), ...checkPlain(context));
  const result = settingsSchema.safeParse(common);
  for (const { path, message } of result.error?.issues ?? []) {
    const name = String(path[0]);
    problems.push({ where: settingKey(name), what: message, fix: fixFor(name, stack) });
  }
  for (const [project, day] of Object.entries(perProject[PACKAGES])) {
    const where = settingKey(`${PACKAGES}/${project}`);
    if (!PACKAGES_PATTERN.test(day))
      problems.push({ where, what: packagesError({ input: day }), fix: removeCommand(where, stack) });
  }
  const panel = parsePanelSettings(common.panel ?? "{}", context);
  const production = isLocal ? undefined : parseProductionSettings(droplet, stack, ownNames(context.hidden));
  problems.push(...(production?.problems ?? []));
  const company = parseCompanySettings(common, stack, context.readFile);
  problems.push(...company.problems);
  const backup = common.backup === undefined ? undefined : parseBackup(common.backup, stack);
  problems.push(...(backup?.problems ?? []));
  if (backup?.value) problems.push(...backupNeeds(backup.value, common, result.data, context));
  if (Array.isArray(panel)) problems.push(...panel);
  else {
    const hasVariables = droplet.panelEnvironment !== undefined || isHidden(context, "panelEnvironment");
    problems.push(...checkPanelSettings(panel, hasVariables, stack));
    problems.push(...checkPanelPort(panel, result.data?.port, stack));
  }
  if (problems.length > 0 || !result.data || Array.isArray(panel)) throw new UserError("config", problems);
  const settings = {
    ...withoutKeys(result.data, [...COMPANY_KEYS, "backup"]),
    ...(backup?.value && { backup: backup.value }),
    ...company.settings,
    panel,
    passwordRotations: perProject[ROTATION],
    packagesOf: perProject[PACKAGES],
  };
  return production?.settings ? { ...settings, production: production.settings } : settings;
}

/** What the place of backups needs of the other settings; encrypted ones are there. */
function backupNeeds(
  backup: BackupSettings,
  common: Readonly<Record<string, string>>,
  parsed: Pick<z.output<typeof settingsSchema>, "backupKnownHosts"> | undefined,
  context: SettingsContext,
): Problem[] {
  const has = (name: string) => common[name] !== undefined || isHidden(context, name);
  return checkBackupNeeds(
    backup,
    {
      keyId: has("backupKeyId"),
      keySecret: has("backupKeySecret"),
      sshKey: has("backupSshKey"),
      hasKnownHosts: has("backupKnownHosts"),
      knownHosts: parsed?.backupKnownHosts,
      spaces: context.tokens.spaces,
    },
    context.stack,
  );
}

function withoutKeys<T extends object, K extends keyof T>(value: T, keys: readonly K[]): Omit<T, K> {
  return Object.fromEntries(
    Object.entries(value).filter(([key]) => !keys.some((each) => each === key)),
  ) as Omit<T, K>;
}

const isHidden = ({ hidden }: SettingsContext, name: string): boolean =>
  hidden?.has(settingKey(name)) ?? false;

/** Of full keys, the names of settings. */
const ownNames = (keys: ReadonlySet<string> = new Set()): ReadonlySet<string> =>
  new Set(Object.keys(withoutNamespace(Object.fromEntries([...keys].map((key) => [key, ""])))));

/** Groups settings by where they are read, and reports unknown ones. */
function sort(raw: Readonly<Record<string, string | undefined>>, stack: string) {
  const common: Record<string, string> = {};
  const droplet: Record<string, string> = {};
  const perProject: PerProject = { [ROTATION]: {}, [PACKAGES]: {} };
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries(raw)) {
    if (value === undefined) continue;
    const kind = settingDocs.find(({ key }) => key === name)?.kind;
    const own = PER_PROJECT.find((key) => name.startsWith(`${key}/`));
    const project = own && name.slice(own.length + 1);
    if (own && project && PROJECT_NAME_PATTERN.test(project)) perProject[own][project] = value;
    else if (!kind || name.includes("/")) problems.push(describeUnknown(name, stack));
    else if (!isOn(kind, stack)) problems.push(describeWrongStack(name, kind, stack));
    else if (kind === "droplet") droplet[name] = value;
    else common[name] = value;
  }
  return { common, droplet, perProject, problems };
}

/** Whether a stack has settings of a kind. */
const isOn = (kind: SettingKind, stack: string): boolean =>
  kind === "every" || (kind === "local") === (stack === LOCAL_STACK);

function describeUnknown(name: string, stack: string): Problem {
  const names = settingDocs.filter(({ kind }) => isOn(kind, stack)).map(({ key }) => key);
  const guess = closest(name, names);
  const hint = guess ? `did you mean ${guess}?` : `there are ${names.join(", ")}`;
  const key = settingKey(name);
  return { where: key, what: `is not a setting; ${hint}`, fix: removeCommand(key, stack) };
}

function describeWrongStack(name: string, kind: SettingKind, stack: string): Problem {
  const key = settingKey(name);
  const what = kind === "local" ? `is only for the stack ${LOCAL_STACK}` : `is only for droplet stacks`;
  return { where: key, what, fix: removeCommand(key, stack) };
}

/** DigitalOcean's names are short and in lower case; a stack's resources are named after it (cloud-names.ts). */
function checkStackName(stack: string): Problem[] {
  if (/^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$/.test(stack)) return [];
  const what = "is not a valid stack name: at most 30 lower-case letters, digits and hyphens";
  return [{ where: `stack ${stack}`, what, fix: pulumiCommand("stack rename <name>", stack) }];
}

/** Secrets that are in plain text in the stack's file. */
function checkPlain({ stack, plain }: SettingsContext): Problem[] {
  const secrets = [
    ...[...PRODUCTION_SECRETS, ...SECRETS].map(settingKey),
    ...Object.values(CLOUD_TOKENS).map(({ key }) => key),
  ];
  return secrets
    .filter((key) => plain?.has(key))
    .map((key) => ({
      where: key,
      what: "is in plain text",
      fix: `revoke it at its issuer, then: ${setSecretCommand(key, stack)}`,
    }));
}

function fixFor(name: string, stack: string): string {
  if (SECRETS.includes(name)) return setSecretCommand(settingKey(name), stack);
  const standard = settingDocs.find(({ key }) => key === name)?.default;
  return standard ? setCommand(settingKey(name), standard, stack) : removeCommand(settingKey(name), stack);
}
