import type { Names } from "../../config/naming/names.ts";
import { GATEWAY_HEADER } from "./gateway.ts";
import { NOTICE, PRIORITY, q } from "./rules.ts";

/** Port that the notice page serves on inside its container. */
const NOTICE_PORT = 8080;

/**
 * Labels of the notice container: it answers what no project does, the index of the projects at the panel's hostname, and `/ping` says that the gateway is up and whose it is.
 */
export function noticePageLabels(names: Names, panel?: string): Record<string, string> {
  return {
    "traefik.enable": "true",
    [`traefik.http.services.${NOTICE}.loadbalancer.server.port`]: String(NOTICE_PORT),
    [`traefik.http.routers.${NOTICE}.rule`]: `PathPrefix(${q("/")})`,
    [`traefik.http.routers.${NOTICE}.priority`]: String(PRIORITY.unknown),
    [`traefik.http.routers.${NOTICE}.middlewares`]: "_unknown",
    [`traefik.http.routers.${NOTICE}.service`]: NOTICE,
    "traefik.http.middlewares._unknown.headers.customrequestheaders.X-Opencode-Project": "",
    // Nobody but the gateway says what is asked here.
    "traefik.http.middlewares._unknown.headers.customrequestheaders.X-Opencode-State": "",
    ...(panel
      ? {
          "traefik.http.routers._index.rule": `Host(${q(panel)})`,
          "traefik.http.routers._index.priority": String(PRIORITY.project),
          "traefik.http.routers._index.middlewares": "_indexed",
          "traefik.http.routers._index.service": NOTICE,
          "traefik.http.middlewares._indexed.headers.customrequestheaders.X-Opencode-Project": "",
          "traefik.http.middlewares._indexed.headers.customrequestheaders.X-Opencode-State": "index",
        }
      : {}),
    "traefik.http.routers._ping.rule": `(Host(${q("localhost")}) || Host(${q("127.0.0.1")})) && Path(${q("/ping")})`,
    "traefik.http.routers._ping.priority": String(PRIORITY.navigate),
    "traefik.http.routers._ping.service": "ping@internal",
    "traefik.http.routers._ping.middlewares": "_whose",
    // By which a stack knows its own gateway from another program on the port.
    [`traefik.http.middlewares._whose.headers.customresponseheaders.${GATEWAY_HEADER}`]: names.prefix,
  };
}
