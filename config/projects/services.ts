/** `services` of an entry: containers beside the project, such as a database, on a network that is this project's alone. */
import * as z from "zod";
import { show } from "../text/show.ts";
import { type Size, sizeOf } from "../text/sizes.ts";
import { about, memorySize, VARIABLE_PATTERN, variableValue } from "./field-schemas.ts";

/** A container beside a project, with everything explicit. */
export interface Service {
  /** Its hostname in the project. */
  readonly name: string;
  readonly image: string;
  /** What the image is given to run; absent for its own. */
  readonly command?: readonly string[];
  /** Values as text, sorted by name. */
  readonly env: Readonly<Record<string, string>>;
  /** Names of secrets, each a file in SECRETS_PATH. */
  readonly secrets: readonly string[];
  /** Paths in the container whose files outlive it. */
  readonly volumes: readonly string[];
  /** A line of shell that ends with 0 when the service works; `none` for no check; absent for the image's own. */
  readonly health?: string;
  readonly resources: { readonly memory: Size; readonly cpus: number; readonly pids: number };
}

/** A service takes less than an opencode: what small databases and caches are content with. */
export const SERVICE_RESOURCES = { memory: sizeOf("512MiB"), cpus: 0.5, pids: 256 } as const;
/** Nothing useful runs with less. */
const MINIMUM_MEMORY = sizeOf("16MiB");
/** Each has a container with limits of its own: more is another project, or a machine of its own. */
export const MAX_SERVICES = 5;
const MAX_VOLUMES = 5;
/** Where a service finds its secrets, as images with variables such as POSTGRES_PASSWORD_FILE expect them. */
export const SECRETS_PATH = "/run/secrets";
/** No check, also where the image has one. */
export const NO_HEALTH = "none";

export const SERVICE_NAME_PATTERN = /^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/;

/** Names that mean something else to who looks them up in a project. */
const RESERVED_SERVICES: Readonly<Record<string, string>> = {
  localhost: "every container's own name",
  host: "network.allow means the machine by it",
  opencode: "the platform's own name",
};

/** With a database and a user that are there: the server's log would complain of any other each time. */
const PG_ISREADY = `pg_isready -h 127.0.0.1 -d postgres -U "\${POSTGRES_USER:-postgres}"`;

/**
 * Checks of images whose own have none, by the last part of the image's name: of a mirror, too. Over TCP, since the images of databases run a
 * server of their own on a socket alone while they fill an empty directory.
 */
const KNOWN_HEALTH: Readonly<Record<string, string>> = {
  postgres: PG_ISREADY,
  postgis: PG_ISREADY,
  pgvector: PG_ISREADY,
  mysql: "mysqladmin ping -h 127.0.0.1",
  mariadb: "mariadb-admin ping -h 127.0.0.1",
  // One that wants a password answers, too.
  redis: "redis-cli ping | grep -E 'PONG|NOAUTH'",
  valkey: "valkey-cli ping | grep -E 'PONG|NOAUTH'",
  mongo: "mongosh --quiet --eval 'db.runCommand({ ping: 1 }).ok'",
  rabbitmq: "rabbitmq-diagnostics -q ping",
};

/** `[registry[:port]/]path[:tag][@digest]` as Docker takes it (distribution/reference). */
const IMAGE_PATTERN =
  /^(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9-]+)*(?::\d+)?)\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;

const imageError = about(
  (found) => `${found} is not an image: write its name and version (e.g. postgres:17)`,
);
const nameError = about(
  (found) =>
    `${found} is not a valid service name: 1 to 32 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen`,
);
const volumeError = about(
  (found) => `${found} is not a path in the container: write it in full (e.g. /var/lib/postgresql/data)`,
);
const variableError = about(
  (found) => `${found} is not a valid variable name: letters, digits and _, not starting with a digit`,
);
const commandError = about(
  (found) => `${found} is not a command: write a list of words, such as [redis-server, --save, ""]`,
);
const wordError = about((found) => `${found} must be text: quote it`);
const healthError = about(
  (found) =>
    `${found} is not a check: write a line of shell that ends with 0 when the service works, or none`,
);

const image = z
  .string({ error: imageError })
  .regex(IMAGE_PATTERN, { error: imageError, abort: true })
  .superRefine((text, context) => {
    const last = text.slice(text.lastIndexOf("/") + 1);
    if (/[:@]/.test(last)) return;
    const message = `${show(text)} names no version: its data may not be readable by the next one (e.g. ${text}:17)`;
    context.addIssue({ code: "custom", message });
  });

/** Why nothing may be mounted at a path; undefined if it may. */
function volumeMistake(path: string): string | undefined {
  if (!/^\/[\w.@+-]+(\/[\w.@+-]+)*$/.test(path) || /\/\.{1,2}(\/|$)/.test(path))
    return path === "/" ? "/ is the container's own root" : volumeError({ input: path });
  const folder = path.replace(/^\/var(?=\/run(\/|$))/, "");
  if (/^\/run(\/secrets(\/.*)?)?$/.test(folder)) return `${path} is where secrets are: ${SECRETS_PATH}`;
  if (/^\/(proc|sys|dev)(\/|$)/.test(path)) return `${path} is the kernel's`;
  return undefined;
}

const volume = z.string({ error: volumeError }).superRefine((path, context) => {
  const message = volumeMistake(path);
  if (message) context.addIssue({ code: "custom", message });
});

const resources = z.strictObject({
  memory: memorySize
    .refine(({ bytes }) => bytes >= MINIMUM_MEMORY.bytes, {
      error: ({ input }) => `${show((input as Size).text)} is too little: ${MINIMUM_MEMORY.text} or more`,
    })
    .optional()
    .describe(`Memory limit; at least ${MINIMUM_MEMORY.text}. Default: ${SERVICE_RESOURCES.memory.text}.`),
  cpus: z
    .number()
    .min(0.1)
    .optional()
    .describe(`Maximum number of CPUs; may be fractional. Default: ${SERVICE_RESOURCES.cpus}.`),
  pids: z
    .int()
    .min(16)
    .max(4_194_304)
    .optional()
    .describe(`Maximum number of processes and threads. Default: ${SERVICE_RESOURCES.pids}.`),
});

const service = z.strictObject({
  image: image
    .describe(
      "Image that the service runs, with a tag or digest. It is pulled once, where the host does not have it; another tag or digest replaces the container.",
    )
    .meta({ examples: ["postgres:17", "redis:7"] }),
  command: z
    .array(z.string({ error: wordError }), { error: commandError })
    .min(1, { error: 'is empty: write a command, such as [redis-server, --save, ""], or remove it' })
    .optional()
    .describe("What the image is given to run, as a list of words. Default: the image's own.")
    .meta({ examples: [["redis-server", "--save", ""]] }),
  env: z
    .record(z.string().regex(VARIABLE_PATTERN, { error: variableError }), variableValue)
    .optional()
    .describe("Environment variables of the service, not secret. Default: none."),
  secrets: z
    .array(z.string({ error: variableError }).regex(VARIABLE_PATTERN, { error: variableError }))
    .optional()
    .describe(
      `Names of secrets, which the service gets as files ${SECRETS_PATH}/NAME and not as variables: POSTGRES_PASSWORD_FILE, say, names such a file. Values are set as those of the entry's own secrets. Default: none.`,
    )
    .meta({ uniqueItems: true, examples: [["POSTGRES_PASSWORD"]] }),
  volume: z
    .union([volume, z.array(volume)], { error: volumeError })
    .refine((paths) => paths.length > 0, { error: "is an empty list: list paths, or remove it" })
    .refine((paths) => typeof paths === "string" || paths.length <= MAX_VOLUMES, {
      error: `lists more than ${MAX_VOLUMES} paths`,
    })
    .optional()
    .describe(
      "Path in the container, or a list of them, whose files outlive it: they are on the host beside the project's workspace. Default: none, nothing is kept.",
    )
    .meta({ examples: ["/var/lib/postgresql/data"] }),
  health: z
    .string({ error: healthError })
    .refine((text) => text.trim() !== "", { error: "is empty: write a line of shell, or none" })
    .optional()
    .describe(
      "A line of shell, run in the container, that ends with 0 when the service works; none for no check. Default: a known one for postgres, mysql, mariadb, redis, valkey, mongo and rabbitmq; else the image's own.",
    )
    .meta({ examples: ["curl -f http://localhost:9200/_cluster/health"] }),
  resources: resources.optional().describe("Limits of the service's container."),
});

const serviceName = z
  .string()
  .regex(SERVICE_NAME_PATTERN, { error: nameError, abort: true })
  .superRefine((name, context) => {
    const reason = Object.hasOwn(RESERVED_SERVICES, name) ? RESERVED_SERVICES[name] : undefined;
    if (reason) context.addIssue({ code: "custom", message: `${show(name)} is reserved: ${reason}` });
  });

/** The key `services` of an entry. */
export const services = z
  .record(serviceName, service)
  .refine((map) => Object.keys(map).length <= MAX_SERVICES, {
    error: `lists more than ${MAX_SERVICES} services`,
  })
  .describe(
    `Containers beside the project, by the name under which the project reaches them: db:5432. Nobody else does, and they reach nothing but each other and the project. At most ${MAX_SERVICES}. Default: none.`,
  )
  .meta({
    examples: [{ db: { image: "postgres:17", volume: "/var/lib/postgresql/data" } }],
  });

/** Services as the program uses them, sorted by name. */
export const readServices = (written: z.output<typeof services>): Service[] =>
  Object.entries(written)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { image, command, env = {}, secrets = [], volume = [], health, resources }]) => {
      const check = health?.trim() ?? knownHealth(image);
      return {
        name,
        image,
        ...(command && { command }),
        env: Object.fromEntries(
          Object.keys(env)
            .sort()
            .map((key) => [key, String(env[key])]),
        ),
        secrets: [...secrets].sort(),
        volumes: typeof volume === "string" ? [volume] : volume,
        ...(check !== undefined && { health: check }),
        resources: { ...SERVICE_RESOURCES, ...resources },
      };
    });

/** The check of a well-known image; undefined for any other. */
export function knownHealth(image: string): string | undefined {
  const last = image.slice(image.lastIndexOf("/") + 1).replace(/[:@].*$/, "");
  return Object.hasOwn(KNOWN_HEALTH, last) ? KNOWN_HEALTH[last] : undefined;
}

/** Names of all secrets that a project's containers get, each once. */
export const secretNames = (project: {
  readonly secrets: readonly string[];
  readonly services?: readonly Service[];
}): string[] => [
  ...new Set([...project.secrets, ...(project.services ?? []).flatMap(({ secrets }) => secrets)]),
];
