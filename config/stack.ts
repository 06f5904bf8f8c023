/**
 * The stack's settings: what `npm run pulumi -- config set <key> <value>` takes. All are text in Pulumi's config, and all are
 * optional.
 */
import * as z from "zod";
import { ConfigError, type Problem } from "./errors.ts";
import { PROJECT_NAME_PATTERN } from "./projects.ts";
import { closest, show } from "./text.ts";

/** Config namespace of the settings: the name in Pulumi.yaml. */
export const SETTINGS_NAMESPACE = "opencode-platform";

const ROTATION = "passwordRotation";
const ROTATION_OF = `${ROTATION}/`;

const say = (rule: string) => (issue: { input?: unknown }) => `${show(issue.input)} is not ${rule}`;
const portError = say("a port: a whole number from 1 to 65535");
const refusedPortError = say(
  "a port that browsers open: they refuse it because another protocol is used on it",
);
const prefixError = say("a prefix: at most 21 lower-case letters, digits and hyphens, first a letter");
const directoryError = say("a directory's path: no quotes, colons, commas, $ or \\");
const socketError = say("the absolute path of a socket");
const imageError = say("an image reference (e.g. node:22-bookworm-slim)");

/** Paths that need no quoting in a shell or in Docker's own syntax. */
const PATH_CHARACTERS = /^[^\s:,'"`$\\][^\n\r:,'"`$\\]*$/;

/** Ports that no browser opens a page on (https://fetch.spec.whatwg.org/#port-blocking). */
const PORTS_BROWSERS_REFUSE: ReadonlySet<number> = new Set([
  1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
  109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
  526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
  3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

const settingsSchema = z.strictObject({
  port: z
    .string()
    .regex(/^[1-9]\d{0,4}$/, { error: portError, abort: true })
    .refine((text) => Number(text) <= 65535, { error: portError, abort: true })
    .refine((text) => !PORTS_BROWSERS_REFUSE.has(Number(text)), { error: refusedPortError, abort: true })
    .transform(Number)
    .default(4080)
    .describe("Port of 127.0.0.1 on which every project is served."),
  namePrefix: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,20}$/, { error: prefixError })
    .default("opencode")
    .describe(
      "What the names of all containers, networks and images begin with; tells two stacks on one Docker apart.",
    ),
  workspacesDir: z
    .string()
    .regex(PATH_CHARACTERS, { error: directoryError })
    .default(".workspaces")
    .describe("Directory of the projects' workspaces, relative to the checkout."),
  dockerSocket: z
    .string()
    .regex(PATH_CHARACTERS, { error: socketError })
    .startsWith("/", { error: socketError })
    .default("/var/run/docker.sock")
    .describe("Socket of the Docker daemon."),
  baseImage: z
    .string()
    .regex(/^[a-z0-9][\w./:@-]*$/, { error: imageError })
    .default("node:22-bookworm-slim")
    .describe("Image that the projects' image is built on: Debian with Node."),
  passwordRotation: z
    .string()
    .default("")
    .describe("Any text. Changing it gives every project a new password."),
});

/** Every setting with its meaning and default, for documents and `doctor`. */
export const settingDocs: readonly {
  readonly key: string;
  readonly meaning: string;
  readonly default: string;
}[] = [
  ...Object.entries(settingsSchema.shape).map(([key, schema]) => ({
    key,
    meaning: schema.description ?? "",
    default: String(schema.parse(undefined)),
  })),
  { key: `${ROTATION_OF}<project>`, meaning: "The same for one project.", default: "" },
];

/** The stack's settings, typed, with defaults. */
export type Settings = Readonly<z.output<typeof settingsSchema>> & {
  /** Per project, what its own `passwordRotation/<project>` says. */
  readonly passwordRotations: Readonly<Record<string, string>>;
};

/** Of a stack's whole config, the settings: the keys of their namespace, without it. */
export function ownSettings(config: Readonly<Record<string, string>>): Record<string, string> {
  const prefix = settingKey("");
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value] as const] : [],
    ),
  );
}

/** The full key of a setting: `opencode-platform:port`. */
export const settingKey = (name: string): string => `${SETTINGS_NAMESPACE}:${name}`;

/**
 * Reads settings from raw config, keyed without the namespace.
 * @throws ConfigError with every problem at once, each with the command that mends it.
 */
export function parseSettings(raw: Readonly<Record<string, string | undefined>>): Settings {
  const known: Record<string, string> = {};
  const rotation: Record<string, string> = {};
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries(raw)) {
    if (value === undefined) continue;
    const project = name.startsWith(ROTATION_OF) ? name.slice(ROTATION_OF.length) : undefined;
    if (project !== undefined && PROJECT_NAME_PATTERN.test(project)) rotation[project] = value;
    else if (Object.hasOwn(settingsSchema.shape, name)) known[name] = value;
    else problems.push(describeUnknown(name));
  }
  const result = settingsSchema.safeParse(known);
  for (const { path, message } of result.error?.issues ?? []) {
    const name = String(path[0]);
    problems.push({ where: settingKey(name), what: message, fix: fixFor(name) });
  }
  if (problems.length > 0 || !result.data) throw new ConfigError(problems);
  return { ...result.data, passwordRotations: rotation };
}

function describeUnknown(name: string): Problem {
  const names = settingDocs.map(({ key }) => key);
  const guess = closest(name, names);
  const hint = guess ? `did you mean ${guess}?` : `there are ${names.join(", ")}`;
  return {
    where: settingKey(name),
    what: `is not a setting; ${hint}`,
    fix: `npm run pulumi -- config rm ${settingKey(name)}`,
  };
}

function fixFor(name: string): string {
  const standard = settingDocs.find(({ key }) => key === name)?.default;
  return `npm run pulumi -- config set ${settingKey(name)} ${standard}`;
}
