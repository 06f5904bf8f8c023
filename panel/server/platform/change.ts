/** What of a request is done at once, all of it or nothing: secrets, projects.yaml, and the team's repository. */
import { type EditResult, type ProjectsFile, versionOf } from "./projects-file.ts";
import type { Repository } from "./repository.ts";
import type { StackSecrets } from "./secrets.ts";
import type { OperationRequest } from "./types.ts";

/** Answers the version of projects.yaml that it has made, where it has made another. */
export type ApplyChange = (request: OperationRequest) => Promise<string | undefined>;

export interface ChangeParts {
  readonly file: ProjectsFile;
  readonly secrets: Pick<StackSecrets, "set" | "remove" | "snapshot">;
  /** Absent where changes are not pushed. */
  readonly repository?: Pick<Repository, "assertClean" | "publish"> | undefined;
}

/** Makes the function that applies a request. What it throws has left secrets and file as they were. */
export function makeApplyChange({ file, secrets, repository }: ChangeParts): ApplyChange {
  return async (request) => {
    const { edit, version, project } = request;
    const values = Object.entries(request.secrets ?? {});
    if (!edit && values.length === 0) return undefined;
    await repository?.assertClean();
    const given = project ? { project, names: values.map(([name]) => name) } : undefined;
    // Before a secret is stored: most mistakes are found here, and nothing is to be undone for them.
    if (edit) file.validate(edit, version, given);
    const undoSecrets = secrets.snapshot();
    let edited: EditResult | undefined;
    try {
      if (project && values.length > 0) await secrets.set(project, Object.fromEntries(values));
      if (edit) edited = file.edit(edit, version);
      if (edit?.kind === "remove") await secrets.remove(edit.name);
      await repository?.publish(request, edited?.version ?? file.read().version);
      if (!edited || edited.version === versionOf(edited.previous)) return undefined;
      // What others have pushed may have come along.
      return repository ? file.read().version : edited.version;
    } catch (error) {
      if (edited) file.undo(edited);
      undoSecrets();
      throw error;
    }
  };
}
