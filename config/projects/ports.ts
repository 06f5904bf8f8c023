/** `ports` of an entry: what a project's own programs serve, and the hostname that each gets. */
import * as z from "zod";
import { show } from "../text/show.ts";
import type { Path } from "../text/yaml.ts";
import { lineOf, type ProjectsDocument } from "./document.ts";
import { about } from "./field-schemas.ts";
import { formatPath } from "./messages.ts";
import { isMap, listOf, mapOf } from "./rough.ts";
import type { Violation } from "./violation.ts";

/** A port of a project's container that has a hostname of its own. */
export interface Port {
  readonly port: number;
  /** What stands behind the project's name in the hostname: the port's name, or its number. */
  readonly label: string;
}

/**
 * An Access application has at most five hostnames (Cloudflare One, "Account limits": domains per application), and the project's own is one. It
 * counts on every stack, so that an entry that works on a laptop works on a droplet.
 */
export const MAX_PORTS = 4;

/** Ports in the container that are the platform's own. */
export const OWN_PORTS: Readonly<Record<number, string>> = {
  4096: "opencode's own port, which has the project's hostname",
  4097: "used by the platform to reach the other ports",
};
/** Where the image's relay listens (opencode/rootfs): the gateway reaches every port through it. */
export const RELAY_PORT = 4097;

/** With the longest project name and a hyphen before it, and `-code` after it, still a hostname's label. */
export const PORT_NAME_PATTERN = /^[a-z]([a-z0-9-]{0,13}[a-z0-9])?$/;

const portError = about(
  (found) => `${found} is not a port: write a number from 1 to 65535, or { port: 8080, name: admin }`,
);
const portNameError = about(
  (found) =>
    `${found} is not a valid port name: 1 to 15 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen`,
);

const portNumber = z
  .int({ error: portError })
  .min(1, { error: portError })
  .max(65_535, { error: portError })
  .superRefine((port, context) => {
    const reason = OWN_PORTS[port];
    if (reason) context.addIssue({ code: "custom", message: `${port} is reserved: ${reason}` });
  });

const named = z.strictObject({
  port: portNumber.describe("Port that something in the container listens on, on any of its addresses."),
  name: z
    .string({ error: portNameError })
    .regex(PORT_NAME_PATTERN, { error: portNameError })
    .optional()
    .describe("What the hostname has in place of the number. Default: the number."),
});

/** The key `ports` of an entry. */
export const ports = z
  .array(z.union([portNumber, named], { error: portError }))
  .max(MAX_PORTS, {
    error: `lists more than ${MAX_PORTS} ports: an Access application of Cloudflare takes five hostnames, and the project's own is one`,
  })
  .describe(
    `What the project's own programs serve on these ports can be opened at hostnames of their own, by whoever can open the project: <project>-<port>, or <project>-<name>. At most ${MAX_PORTS}. Default: none.`,
  )
  .meta({ uniqueItems: true, examples: [[3000, { port: 8080, name: "admin" }]] });

/** Ports as the program uses them. */
export const readPorts = (written: z.output<typeof ports>): Port[] =>
  written.map((item) =>
    typeof item === "number"
      ? { port: item, label: String(item) }
      : { port: item.port, label: item.name ?? String(item.port) },
  );

/** The name that a port's hostname is made of, as a project's is made of the project's. */
export const previewName = (project: string, { label }: Pick<Port, "label">): string => `${project}-${label}`;

/** A port with its place in the file. */
interface Placed extends Port {
  readonly project: string;
  readonly path: Path;
}

/** Ports that are listed twice in an entry, and hostnames that lead to two places. */
export function checkPorts(projects: readonly unknown[], document: ProjectsDocument): Violation[] {
  const names = new Map(projects.map((entry, index) => [mapOf(entry).name, index] as const));
  const taken = new Map<string, Placed>();
  return projects.flatMap((entry, index): Violation[] => {
    const seen = new Map<number, Placed>();
    return placedPorts(entry, index).flatMap((port): Violation[] => {
      const twice = seen.get(port.port);
      seen.set(port.port, port);
      if (twice) return [{ path: port.path, what: `${port.port} is listed twice` }];
      const hostname = previewName(port.project, port);
      const other = names.get(hostname);
      if (other !== undefined) {
        const what = `has the hostname of the project ${show(hostname)} (${lineOf(document, ["projects", other, "name"])})`;
        return [{ path: port.path, what, fix: "give the port another name" }];
      }
      const same = taken.get(hostname);
      taken.set(hostname, port);
      if (!same) return [];
      const what = `has the same hostname as ${formatPath(document.placeOf(same.path).path)} in ${lineOf(document, same.path)}`;
      return [{ path: port.path, what, fix: "give one of the two a name, or another" }];
    });
  });
}

/** An entry's ports, as far as they are right. */
function placedPorts(entry: unknown, index: number): Placed[] {
  const { name: project, ports: written } = mapOf(entry);
  if (typeof project !== "string") return [];
  return listOf(written).flatMap((item, at): Placed[] => {
    const { port, name } = isMap(item) ? item : { port: item, name: undefined };
    if (typeof port !== "number") return [];
    const label = typeof name === "string" ? name : String(port);
    return [{ project, port, label, path: ["projects", index, "ports", at] }];
  });
}
