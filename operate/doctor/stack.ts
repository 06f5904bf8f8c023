import { existsSync } from "node:fs";
import { join } from "node:path";
import { gatewayOwner, isPortFree } from "../../components/proxy/gateway.ts";
import { LOCAL_RUNTIME_DIR, ROUTES_DIR, routeFileName } from "../../config/naming/names.ts";
import type { Settings } from "../../config/stack/settings.ts";
import { PROJECT, root, STACK, stateDir } from "../engine/checkout.ts";
import { commandFor, openSession } from "../engine/session.ts";
import { readDeployment } from "../state/checkpoint.ts";
import { describeLock, lockStatus, readLocks } from "../state/lock.ts";
import { readStateIfAny } from "../state/state.ts";
import { type Finding, fine, note, wrong } from "./finding.ts";

/** Whether this machine's stack has anything in it. */
export const isDeployed = (): boolean => Boolean(readDeployment(stateDir, PROJECT, STACK)?.resources.length);

/** A stack's state, and whether an update runs or was cut off. `apply` is the command that deploys it. */
export async function checkStack(session = openSession(), apply = "npm start"): Promise<Finding[]> {
  const { stack, backend } = session;
  const deployment = await readStateIfAny(session);
  if (!deployment?.resources.length) return [wrong(`stack: ${stack} is not deployed`, apply)];
  const where = session.isLocal ? "" : `, state in ${backend.label}`;
  const found = [fine(`stack: ${stack}, ${deployment.resources.length} resources${where}`)];
  for (const lock of backend.folder ? readLocks(backend.folder, PROJECT, stack) : []) {
    const text = `lock: ${describeLock(lock)}`;
    const state = lockStatus(lock);
    if (state === "held") found.push(note(`${text}, is updating the stack`));
    else if (state === "stale") found.push(wrong(`${text}, was cut off`, `${apply}, which mends it`));
    else
      found.push(
        wrong(`${text}, on another machine`, `if nothing runs there: ${commandFor(session, "cancel --yes")}`),
      );
  }
  if (deployment.pending.length > 0) {
    found.push(
      wrong(`stack: ${deployment.pending.length} operations were cut off`, `${apply}, which mends it`),
    );
  }
  return found;
}

/** Without its route file a project runs and no request reaches it; the engine does not look at it again once it is written. */
export function checkRoutes(projects: readonly { readonly name: string }[]): Finding[] {
  return projects
    .filter(({ name }) => !existsSync(join(root, LOCAL_RUNTIME_DIR, ROUTES_DIR, routeFileName(name))))
    .map(({ name }) =>
      wrong(
        `route of ${name}: its file has been removed`,
        `npm run pulumi -- up --replace '**${name}-route'`,
      ),
    );
}

/** Whether this stack's gateway answers on its port, or who else does; before the stack is deployed, whether the port is free. */
export async function checkGateway({ port, namePrefix }: Settings, isUp: boolean): Promise<Finding> {
  const at = `gateway: 127.0.0.1:${port}`;
  const owner = await gatewayOwner(port);
  if (owner === namePrefix) return fine(`${at} answers`);
  if (owner) return wrong(`${at} is taken by the stack with the prefix ${owner}`, otherPort(port));
  if (await isPortFree(port))
    return isUp ? wrong(`${at} does not answer`, "npm start") : fine(`${at} is free`);
  return wrong(`${at} is taken by another program`, otherPort(port));
}

const otherPort = (port: number): string =>
  `stop that (ss -ltnp 'sport = :${port}' names it), or npm run pulumi -- config set port ${port + 1}`;
