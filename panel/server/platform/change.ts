/** Applies a request's immediate changes, all or none: secrets, projects.yaml, and the team's repository. */
import { type EditResult, type ProjectsFile, versionOf } from "./projects-file.ts";
import type { Repository } from "./repository.ts";
import type { StackSecrets } from "./secrets.ts";
import type { OperationRequest } from "./types.ts";

/** Applies a request; returns the new version of projects.yaml, undefined if unchanged. */
export type ApplyChange = (request: OperationRequest) => Promise<string | undefined>;

export interface ChangeParts {
  readonly file: ProjectsFile;
  readonly secrets: Pick<StackSecrets, "set" | "remove" | "snapshot" | "names" | "copy">;
  /** Undefined if changes are not pushed. */
  readonly repository?: Pick<Repository, "catchUp" | "publish"> | undefined;
}

/** Creates the function that applies a request. If it throws, secrets and file are unchanged. */
export function makeApplyChange({ file, secrets, repository }: ChangeParts): ApplyChange {
  return async (request) => {
    const { edit, version, project, authorize, secretsOf } = request;
    const values = Object.entries(request.secrets ?? {});
    await repository?.catchUp();
    // Before anything is done, and once more with the text that is edited.
    authorize?.(file.read().text);
    if (!edit && values.length === 0) return undefined;
    const copied = secretsOf === undefined ? [] : secrets.names(secretsOf);
    const given = project ? { project, names: [...values.map(([name]) => name), ...copied] } : undefined;
    // Before secrets are stored, so that most invalid requests need no undo.
    if (edit) file.validate(edit, version, given);
    const undoSecrets = secrets.snapshot();
    let edited: EditResult | undefined;
    try {
      await request.atOnce?.();
      if (project && values.length > 0) await secrets.set(project, Object.fromEntries(values));
      if (project && secretsOf !== undefined) secrets.copy(secretsOf, project);
      if (edit) edited = file.edit(edit, version, authorize);
      if (edit?.kind === "remove") await secrets.remove(edit.name);
      await repository?.publish(request, edited?.version ?? file.read().version);
      if (!edited || edited.version === versionOf(edited.previous)) return undefined;
      // The push may have merged other people's changes.
      return repository ? file.read().version : edited.version;
    } catch (error) {
      if (edited) file.undo(edited);
      undoSecrets();
      // Why the edit failed is what the person has to know.
      await request.undoAtOnce?.().catch(() => {});
      throw error;
    }
  };
}
