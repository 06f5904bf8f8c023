import { gatewayPrefix, isPortFree } from "../../components/proxy/gateway.ts";
import type { Settings } from "../../config/stack/settings.ts";
import { PROJECT, STACK, stateDir } from "../engine/checkout.ts";
import { commandFor, openSession } from "../engine/session.ts";
import { readDeployment } from "../state/checkpoint.ts";
import { describeLock, lockStatus, readLocks } from "../state/lock.ts";
import { readStateIfAny } from "../state/state.ts";
import { type Finding, failed, note, ok } from "./finding.ts";

/** Whether this machine's stack has any resources. */
export const isDeployed = (): boolean => Boolean(readDeployment(stateDir, PROJECT, STACK)?.resources.length);

/**
 * Checks a stack's state, and whether an update is running or was interrupted. `apply` is the command that
 * deploys it.
 */
export async function checkStack(session = openSession(), apply = "npm start"): Promise<Finding[]> {
  const { stack, backend } = session;
  const deployment = await readStateIfAny(session);
  if (!deployment?.resources.length) return [failed(`stack: ${stack} is not deployed`, apply)];
  const where = session.isLocal ? "" : `, state in ${backend.label}`;
  const found = [ok(`stack: ${stack}, ${deployment.resources.length} resources${where}`)];
  for (const lock of backend.folder ? readLocks(backend.folder, PROJECT, stack) : []) {
    const text = `lock: ${describeLock(lock)}`;
    const state = lockStatus(lock);
    if (state === "held") found.push(note(`${text}, is updating the stack`));
    else if (state === "stale") found.push(failed(`${text}, was interrupted`, `${apply} to repair it`));
    else
      found.push(
        failed(
          `${text}, on another machine`,
          `if nothing runs there: ${commandFor(session, "cancel --yes")}`,
        ),
      );
  }
  if (deployment.pending.length > 0) {
    found.push(
      failed(`stack: ${deployment.pending.length} operations were interrupted`, `${apply} to repair it`),
    );
  }
  return found;
}

/**
 * Checks that the gateway responds on its port, or who else does. Before the first deployment: that the port
 * is free.
 */
export async function checkGateway({ port, namePrefix }: Settings, isUp: boolean): Promise<Finding> {
  const at = `gateway: 127.0.0.1:${port}`;
  const owner = await gatewayPrefix(port);
  if (owner === namePrefix) return ok(`${at} answers`);
  if (owner) return failed(`${at} is in use by the stack with prefix ${owner}`, otherPort(port));
  if (await isPortFree(port))
    return isUp ? failed(`${at} is not responding`, "npm start") : ok(`${at} is free`);
  return failed(`${at} is in use by another program`, otherPort(port));
}

const otherPort = (port: number): string =>
  `stop that program (ss -ltnp 'sport = :${port}' names it), or npm run pulumi -- config set port ${port + 1}`;
