/** A storage program in memory, as its client sees it. */
import type {
  Backup,
  Checkpoint,
  CheckpointRequest,
  ForkRequest,
  OnProgress,
  RestoreRequest,
  Storage,
  StorageAnswer,
  StorageStatus,
} from "../../operate/storage/client.ts";

type Refusal = Exclude<StorageAnswer<unknown>, { kind: "answered" }>;

export const backup = (project: string, values: Partial<Backup> = {}): Backup => ({
  id: "4fb1e2a0c9d8",
  project,
  at: "2026-11-30T03:00:00.000Z",
  bytes: 3 * 2 ** 30,
  added: 2 ** 20,
  release: "1.18.33",
  reason: "schedule",
  ...values,
});

export const checkpoint = (label: string, values: Partial<Checkpoint> = {}): Checkpoint => ({
  id: "20261130-031200",
  at: "2026-11-30T03:12:00.000Z",
  label,
  reason: "asked",
  ...values,
});

export class FakeStorage implements Storage {
  /** What was asked, each verb with its argument; looks are not noted. */
  readonly asked: (readonly [verb: string, argument: unknown])[] = [];
  state: StorageStatus = {
    fileSystem: "btrfs",
    running: [],
    backup: { to: "s3:example.com/bucket", everyMs: 86_400_000, projects: {} },
  };
  all: Backup[] = [];
  kept: Checkpoint[] = [];
  /** Instead of an answer, by verb; of all verbs with `*`. */
  readonly refusals = new Map<string, Refusal>();
  /** Awaited by what is no look. */
  gate: Promise<void> = Promise.resolve();

  #answer<Value>(verb: string, value: () => Value): StorageAnswer<Value> {
    return this.refusals.get(verb) ?? this.refusals.get("*") ?? { kind: "answered", value: value() };
  }

  async #do<Value>(verb: string, argument: unknown, on: OnProgress | undefined, value: () => Value) {
    this.asked.push([verb, argument]);
    on?.({ step: `${verb} begins` });
    await this.gate;
    on?.({ step: `${verb} goes on`, percent: 50 });
    return this.#answer(verb, value);
  }

  status = async () => this.#answer("status", () => this.state);
  checkpoints = async (_: string) => this.#answer("checkpoints", () => this.kept);
  backups = async (project?: string) =>
    this.#answer("backups", () =>
      this.all.filter((each) => project === undefined || each.project === project),
    );
  checkpoint = (project: string, about: CheckpointRequest = {}, on?: OnProgress) =>
    this.#do("checkpoint", { project, ...about }, on, () => checkpoint(about.label ?? "x"));
  rollback = (project: string, id: string, on?: OnProgress) =>
    this.#do("rollback", { project, id }, on, () => ({}));
  drop = (project: string, id: string, on?: OnProgress) => this.#do("drop", { project, id }, on, () => ({}));
  fork = (request: ForkRequest, on?: OnProgress) =>
    this.#do("fork", request, on, () => ({ kind: "snapshot" as const }));
  backup = (project?: string, reason?: string, on?: OnProgress) =>
    this.#do("backup", { project, reason }, on, () => [backup(project ?? "web-shop")]);
  restore = (request: RestoreRequest, on?: OnProgress) =>
    this.#do("restore", request, on, () => ({
      backup: backup(request.project),
      before: backup(request.project, { id: "before", reason: "before-restore" }),
    }));
  check = (on?: OnProgress) => this.#do("check", {}, on, () => ({ ok: true, text: "" }));
  try = (project?: string, on?: OnProgress) =>
    this.#do("try", { project }, on, () => ({ ok: true, text: "" }));
  forget = (project: string, keepDays: number) =>
    this.#do("forget", { project, keepDays }, undefined, () => ({ backup: backup(project, { id: "5ac2" }) }));
}
