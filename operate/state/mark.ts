import { pulumiOrThrow } from "../engine/pulumi.ts";
import type { Session } from "../engine/session.ts";
import { parseDeployment } from "./checkpoint.ts";

/** What of a state tells whether another process is changing it. */
export interface StateMark {
  /** Changes with every writing of the state. */
  readonly mark: string;
  readonly isEmpty: boolean;
  /** An update is running, or was interrupted. */
  readonly isUnderWay: boolean;
}

/** Reads the mark of the stack's state, wherever it is kept. */
export async function stateMark(session: Session): Promise<StateMark> {
  const text = await pulumiOrThrow(["stack", "export"], { session });
  const { resources, pending, writtenAt = "" } = parseDeployment(JSON.parse(text));
  return {
    mark: `${writtenAt} ${resources.length} ${pending.length}`,
    isEmpty: resources.length === 0,
    isUnderWay: pending.length > 0,
  };
}
