import { pulumiOrThrow } from "../engine/pulumi.ts";
import type { Session } from "../engine/session.ts";
import { parseDeployment } from "./checkpoint.ts";

/** Shows whether another process is changing a state. */
export interface StateMark {
  /** Changes with every write of the state. */
  readonly mark: string;
  readonly isEmpty: boolean;
  /** Whether an update is running or was interrupted. */
  readonly isUnderWay: boolean;
}

/** Reads the mark of the stack's state, in any backend. */
export async function stateMark(session: Session): Promise<StateMark> {
  const text = await pulumiOrThrow(["stack", "export"], { session });
  const { resources, pending, writtenAt = "" } = parseDeployment(JSON.parse(text));
  return {
    mark: `${writtenAt} ${resources.length} ${pending.length}`,
    isEmpty: resources.length === 0,
    isUnderWay: pending.length > 0,
  };
}
