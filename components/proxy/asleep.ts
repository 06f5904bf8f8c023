/**
 * A sleeping project's routes, in a file beside its own for as long as it sleeps. Whatever wakes it is held by Traefik, in whose socket its body stays,
 * until the waker says that the project is awake; then it goes the project's own way. So no proxy of ours is in any request's path.
 */
import { projectPath } from "../../config/naming/urls.ts";
import { RELAY_PORT } from "../../config/projects/ports.ts";
import { apiFor } from "../../opencode/api/index.ts";
import { previewRoutes, relayService } from "./previews.ts";
import { type RouteArgs, type RouteConfiguration, routeConfiguration, rules } from "./routes.ts";
import { entryState, NOTICE, PRIORITY, type Router, WAKE_PATH } from "./rules.ts";
import { askedRule, calmRule, eventsRule, openPageRule, releaseHeader } from "./wakes.ts";

/** Over all of a project's own routers, which keep their order. */
const OVER = 1000;
const ASLEEP_PRIORITY = { calm: OVER + 500, events: OVER + 600, probe: OVER + 700 } as const;

/** All that the waker is told of a request that is held: who asks is none of its business. With Origin or Sec-Fetch-Site, its router refuses. */
const TOLD = ["Accept", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "User-Agent"];
/** The page that says that it is waking. Bytes. */
const MOST = 65_536;

/** Stands for the container's address, which the keeper knows: Docker calls a paused container unhealthy, and Traefik then has no service of it. */
const ADDRESS = "{address}";

/** Traefik's dynamic configuration, as far as these files have any. */
export interface SleeperRoutes {
  readonly http: Pick<RouteConfiguration["http"], "routers"> & {
    /** Absent where there are none: an empty list makes Traefik refuse the whole directory. */
    readonly middlewares?: Readonly<Record<string, object>>;
    readonly services: Readonly<Record<string, object>>;
  };
}

/**
 * Traefik's dynamic configuration of a sleeping project, without a secret: the middlewares of its own file are used by their names.
 * @param port of the gateway, which Traefik asks whether the project is awake
 */
export function asleepRoutes(args: RouteArgs, port: number): SleeperRoutes {
  const { name, version } = args;
  const wake = `${name}_wake`;
  const address = `http://127.0.0.1:${port}${WAKE_PATH}${name}`;
  const { routers, services } = overRouters(args, [wake]);
  return {
    http: {
      middlewares: {
        [wake]: {
          forwardAuth: {
            address,
            authRequestHeaders: TOLD,
            maxResponseBodySize: MOST,
            // Of a page that is opened the waker knows by it.
            preserveRequestMethod: true,
          },
        },
        [`${name}_asleep`]: toWaker(name, "asleep", version),
        [`${name}_asleep_events`]: toWaker(name, "asleep-events", version),
        ...(args.ports?.length ? { [`${name}_asleep_port`]: toWaker(name, "asleep-port", version) } : {}),
      },
      routers: { ...routers, ...calmRouters(args), ...calmPreviews(args) },
      services,
    },
  };
}

/** The same once it is awake, and until Docker calls it healthy: all goes to the container, and nothing waits. */
export const awakeRoutes = (args: RouteArgs): SleeperRoutes => ({
  http: overRouters(args, []),
});

/**
 * Copies of a project's own routers that go before them. What leads to its container, and a page that asks it, has the further middlewares first. What is
 * refused or has no project stays as it is.
 */
function overRouters(args: RouteArgs, first: readonly string[]) {
  const { name, version } = args;
  const targets: Record<string, { id: string; port: number }> = {
    [`${name}@docker`]: { id: `${name}_address`, port: apiFor(version).server.port },
    [`${relayService(name)}@docker`]: { id: `${name}_relay_address`, port: RELAY_PORT },
  };
  const own = Object.entries(routeConfiguration({ ...args, password: "" }).http.routers);
  const kept = own.filter(
    ([, { priority }]) => priority !== PRIORITY.refused && priority !== PRIORITY.fallback,
  );
  const routers = kept.map(([id, router]): [string, Router] => {
    const { middlewares = [], priority, service } = router;
    const target = targets[service]?.id;
    const isHeld = target !== undefined || isOpened(name, id, router);
    return [
      `${id}_asleep`,
      {
        ...router,
        priority: priority + OVER,
        middlewares: [...(isHeld ? first : []), ...middlewares],
        service: target ?? service,
      },
    ];
  });
  const services = Object.values(targets).map(({ id, port }) => [
    id,
    { loadBalancer: { servers: [{ url: `http://${ADDRESS}:${port}` }] } },
  ]);
  return { routers: Object.fromEntries(routers), services: Object.fromEntries(services) };
}

/** The page that looks for a session does so by requests that wake nothing. */
const isOpened = (name: string, id: string, { service }: Router): boolean =>
  id === `${name}_open` && service === `${NOTICE}@docker`;

/** What the waker answers, and the keeper's own question. */
function calmRouters(args: RouteArgs): Record<string, Router> {
  const { name } = args;
  const api = apiFor(args.version);
  const { hostname, underPath, foreign } = rules(args);
  const router = { service: `${NOTICE}@docker`, middlewares: [`${name}_asleep`] };
  const of = (suffix: string, where: string, prefix = ""): Record<string, Router> => {
    const wakes = { rule: `${where} && !${foreign}`, api, prefix };
    return {
      [`${name}_asleep_calm${suffix}`]: { ...router, rule: calmRule(wakes), priority: ASLEEP_PRIORITY.calm },
      [`${name}_asleep_events${suffix}`]: {
        ...router,
        rule: eventsRule(wakes),
        priority: ASLEEP_PRIORITY.events,
        middlewares: [`${name}_asleep_events`],
      },
    };
  };
  return {
    [`${name}_asleep_probe`]: {
      ...router,
      rule: askedRule({ rule: hostname }),
      priority: ASLEEP_PRIORITY.probe,
    },
    ...of("", hostname),
    ...(underPath ? of("_path", underPath, projectPath(name)) : {}),
  };
}

/** An open page of the project's own programs wakes it no more than one of opencode's. What another site sends is in no rule of theirs. */
const calmPreviews = ({ name, ...args }: RouteArgs): Record<string, Router> =>
  Object.fromEntries(
    Object.entries(previewRoutes({ name, ...args, password: "" }).routers)
      .filter(([, { service }]) => service === `${relayService(name)}@docker`)
      .map(([id, { rule }]) => [
        `${id}_asleep_calm`,
        {
          rule: openPageRule(rule),
          priority: ASLEEP_PRIORITY.calm,
          middlewares: [`${name}_asleep_port`],
          service: `${NOTICE}@docker`,
        },
      ]),
  );

/** What the waker is told of a request that it answers itself. */
function toWaker(name: string, state: string, version: string) {
  const { customRequestHeaders } = entryState(name, state).headers;
  return { headers: { customRequestHeaders: { ...customRequestHeaders, ...releaseHeader(version) } } };
}
