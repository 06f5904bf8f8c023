import { UserError } from "../../config/errors.ts";
import { settingKey } from "../../config/stack/settings.ts";
import { gatewayPrefix, isPortFree } from "./gateway.ts";

/**
 * Refuses a port that another program has, before anything is made: Traefik would only restart for ever.
 * A port on which this stack's own Traefik answers is fine.
 * @throws UserError naming the port and the setting.
 */
export async function assertPortUsable(port: number, prefix: string): Promise<void> {
  if ((await isPortFree(port)) || (await gatewayPrefix(port)) === prefix) return;
  throw new UserError("environment", [
    {
      where: settingKey("port"),
      what: `port ${port} on 127.0.0.1 is in use by another program`,
      fix: `stop that program (ss -ltnp 'sport = :${port}' shows which), or use another port: npm run pulumi -- config set ${settingKey("port")} ${port + 1}`,
    },
  ]);
}
