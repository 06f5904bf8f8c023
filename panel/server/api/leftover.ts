/** A new project under a name whose earlier project left something behind: nobody gets that without having been asked. */
import type { PanelServices } from "../parts.ts";
import type { OperationRequest, Person } from "../platform/types.ts";
import { HttpProblem, toHttpProblem } from "./problem.ts";
import type { LeftoverChoice } from "./schema.ts";

/** Thrown under the file's lock, which measuring would hold for long. */
class LeftBehind extends HttpProblem {}

/**
 * Checks that a person can choose. Who an earlier project's people were is written nowhere that only the platform writes, so what they left behind
 * is for admins alone.
 * @throws HttpProblem (403)
 */
export function assertMayKeep({ admin }: Person, choice: LeftoverChoice | undefined): void {
  if (choice === "keep" && !admin)
    throw new HttpProblem(403, "Only an admin can keep what an earlier project left behind.", {
      errors: [{ path: "leftover", message: "can be anew, or keep for an admin" }],
    });
}

/** What a creation does with what an earlier project left behind, once the new entry has been checked. */
export function withLeftover(
  parts: Pick<PanelServices, "hasWorkspace" | "setAsideWorkspace">,
  name: string,
  choice: LeftoverChoice | undefined,
): Pick<OperationRequest, "atOnce" | "undoAtOnce"> {
  if (choice === "keep") return {};
  if (choice === "anew") {
    let putBack = async () => {};
    return {
      atOnce: async () => {
        putBack = await parts.setAsideWorkspace(name);
      },
      undoAtOnce: () => putBack(),
    };
  }
  return {
    atOnce: async () => {
      if (await parts.hasWorkspace(name)) throw new LeftBehind(409, "");
    },
  };
}

/** Runs a creation. If it was refused because of what an earlier project left behind, the response says what that is. */
export async function askingAboutLeftover(
  parts: Pick<PanelServices, "describeWorkspace">,
  { admin }: Person,
  name: string,
  create: () => Promise<Response>,
): Promise<Response> {
  try {
    return await create();
  } catch (error) {
    if (!(error instanceof LeftBehind)) throw error;
  }
  const choices: LeftoverChoice[] = admin ? ["keep", "anew"] : ["anew"];
  const left = admin ? await describe(parts, name) : undefined;
  throw new HttpProblem(
    409,
    `An earlier project ${name} left its workspace and sessions behind. Nothing was created.`,
    {
      errors: [
        {
          path: "leftover",
          message: "is required for this name",
          fix: `send ${choices.map((choice) => `"leftover": "${choice}"`).join(" or ")}`,
        },
      ],
      leftover: {
        choices,
        ...(left?.bytes === undefined ? {} : { bytes: left.bytes }),
        ...(left?.lastUsed === undefined ? {} : { lastUsed: new Date(left.lastUsed).toISOString() }),
      },
    },
  );
}

async function describe(parts: Pick<PanelServices, "describeWorkspace">, name: string) {
  try {
    return await parts.describeWorkspace(name);
  } catch (error) {
    throw toHttpProblem(error);
  }
}
