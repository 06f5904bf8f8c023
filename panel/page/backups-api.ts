/** Calls of the panel's API about backups, checkpoints and forks. */
import { call, project, send, started } from "./api.ts";
import type { Backups } from "./model.ts";

export const getBackups = async (name: string) => (await call(`${project(name)}/backups`)) as Backups;
export const backUp = (name: string) => started(send("POST", `${project(name)}/backups`, {}));
/** @param into name of a new project that it becomes instead */
export const restore = (name: string, at: string, into?: string) =>
  started(send("POST", `${project(name)}/restore`, { at, into }));
export const makeCheckpoint = (name: string, label?: string) =>
  started(send("POST", `${project(name)}/checkpoints`, { label }));

const checkpoint = (name: string, id: string) => `${project(name)}/checkpoints/${encodeURIComponent(id)}`;
export const rollBack = (name: string, id: string) =>
  started(send("POST", `${checkpoint(name, id)}/rollback`, {}));
export const dropCheckpoint = (name: string, id: string) =>
  started(call(checkpoint(name, id), { method: "DELETE" }));
export const fork = (name: string, to: string, withLogins: boolean) =>
  started(send("POST", `${project(name)}/fork`, { name: to, withLogins }));
