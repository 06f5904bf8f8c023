/** Routes to what a project's own programs serve: a hostname for each of its `ports`. */
import { createHash } from "node:crypto";
import type { Urls } from "../../config/naming/urls.ts";
import { type Port, previewName } from "../../config/projects/ports.ts";
import {
  ADMISSIONS,
  entryState,
  foreignRule,
  noticeRouters,
  PRIORITY,
  q,
  type Router,
  without,
} from "./rules.ts";

/** The service of a project's relay, which finds the port in a header. No project's name has an underscore. */
export const relayService = (project: string): string => `${project}_relay`;

/** For the image's relay: the port, and the page's own origin, which it takes out of what programs compare with their own. */
const PORT_HEADER = "X-Opencode-Port";
const ORIGIN_HEADER = "X-Opencode-Origin";
const KEY_HEADER = "X-Opencode-Key";
const PORTS_HEADER = "X-Opencode-Ports";

/** By which the relay knows the gateway, from other accounts of the machine: not the password itself, with which they would be opencode's client. */
const relayKey = (password: string): string => createHash("sha256").update(`relay:${password}`).digest("hex");

/** Headers for the relay. @param port of a program, or `platform` for what the relay itself answers */
export const forRelay = ({ port, origin, password }: { port: string; origin: string; password: string }) => ({
  [PORT_HEADER]: port,
  [ORIGIN_HEADER]: origin,
  [KEY_HEADER]: relayKey(password),
});

/** For the relay, where it answers itself: the project's ports by label, `admin=8080,3000=3000`; nothing that a client sends under the name. */
export const portsForRelay = (ports: readonly Port[]) => ({
  [PORTS_HEADER]: ports.map(({ label, port }) => `${label}=${port}`).join(","),
});

/** The URL of each of a project's ports, by its label. */
export const portUrls = (project: string, ports: readonly Port[], urls: Urls): Record<string, string> =>
  Object.fromEntries(ports.map((port) => [port.label, urls.browser(previewName(project, port))]));

interface PreviewArgs {
  name: string;
  urls: Urls;
  state: "running" | "stopped";
  ports?: readonly Port[];
  password: string;
}

/** Traefik's routers and middlewares for a project's ports. */
export function previewRoutes(args: PreviewArgs): {
  routers: Record<string, Router>;
  middlewares: Record<string, object>;
} {
  const parts = (args.ports ?? []).map((port) => previewRoute(args, port));
  return {
    routers: Object.assign({}, ...parts.map(({ routers }) => routers)),
    middlewares: Object.assign({}, ...parts.map(({ middlewares }) => middlewares)),
  };
}

/** As a project's own: what another site's page sends is refused, and the notice page answers for what does not run. */
function previewRoute({ name, urls, state, password }: PreviewArgs, { port, label }: Port) {
  const preview = previewName(name, { label });
  const own = new URL(urls.browser(preview)).origin;
  const hostname = `Host(${q(urls.hostname(preview))})`;
  // A worker would stay in browsers, and outlive the port: it would get the requests of whatever has the hostname next.
  const foreign = `(${foreignRule(own)} || Header(${q("Service-Worker")}, ${q("script")}))`;
  const id = `${name}_port_${label}`;
  return {
    middlewares: {
      [id]: {
        headers: {
          customRequestHeaders: {
            // Unlike opencode, these programs have cookies and credentials of their own, which stay; `_preview` takes out the cookies of Access.
            ...without(ADMISSIONS),
            ...forRelay({ port: String(port), origin: own, password }),
          },
          customResponseHeaders: without(["Clear-Site-Data"]),
        },
      },
      [`${id}_state`]: entryState(name, state),
      [`${id}_refused`]: entryState(name, "refused"),
    },
    routers: {
      ...(state === "running"
        ? {
            [id]: {
              rule: `${hostname} && !${foreign}`,
              priority: PRIORITY.project,
              middlewares: [id, "_preview"],
              service: `${relayService(name)}@docker`,
            },
          }
        : {}),
      ...noticeRouters(id, hostname, foreign),
    },
  };
}
