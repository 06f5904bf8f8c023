/** Routes to the platform's own paths at a project's hostname, which the image's relay answers: where a log-in is finished, and which ports answer. */
import { OWN_PATHS, projectPath, type Urls } from "../../config/naming/urls.ts";
import type { Port } from "../../config/projects/ports.ts";
import { forRelay, portsForRelay, relayService } from "./previews.ts";
import { PRIORITY, q, type Router, without } from "./rules.ts";

interface OwnPathsArgs {
  name: string;
  urls: Urls;
  password: string;
  ports?: readonly Port[];
  /** Headers that are taken out of requests, and of answers. */
  credentials: readonly string[];
  forTheDomain: readonly string[];
  /** The hostname's rule, that of the path below the gateway where there is one, and that of what another site sends. */
  hostname: string;
  underPath: string | undefined;
  foreign: string;
}

/** As the project's own routes refuse other sites: the origin of its page is the project's. */
export function ownPathRoutes(args: OwnPathsArgs): {
  routers: Record<string, Router>;
  middlewares: Record<string, object>;
} {
  const { name, urls, password, hostname, underPath, foreign } = args;
  const id = `${name}_own`;
  const router = { priority: PRIORITY.navigate, service: `${relayService(name)}@docker` };
  const below = (prefix: string) => `PathPrefix(${q(`${prefix}${OWN_PATHS}`)}) && !${foreign}`;
  return {
    middlewares: {
      [id]: {
        headers: {
          customRequestHeaders: {
            ...without(args.credentials),
            ...forRelay({ port: "platform", origin: new URL(urls.browser(name)).origin, password }),
            ...portsForRelay(args.ports ?? []),
          },
          customResponseHeaders: without(args.forTheDomain),
        },
      },
    },
    routers: {
      [id]: { ...router, rule: `${hostname} && ${below("")}`, middlewares: [id] },
      // A browser that opens a page there is sent to the hostname.
      ...(underPath
        ? {
            [`${id}_path`]: {
              ...router,
              priority: PRIORITY.refused - 1,
              rule: `${underPath} && ${below(projectPath(name))}`,
              middlewares: [`${name}_strip`, id],
            },
          }
        : {}),
    },
  };
}
