/** What the panel's API answers, as its page reads it. */

export type State =
  | "running"
  | "stopped"
  | "starting"
  | "unhealthy"
  | "cloning"
  | "failed"
  /** In the file, with no container yet. */
  | "pending";

/** What is used now, and the most that may be: bytes, or processors. */
export interface Usage {
  used: number;
  limit: number;
}

/** An entry of projects.yaml as written; keys the form does not know are kept. */
export interface Entry {
  name: string;
  repo?: string;
  branch?: string;
  git?: { auth: "none" | "token" | "ssh"; secret?: string; username?: string; knownHosts?: string[] };
  resources?: { memory?: string; cpus?: number; pids?: number };
  opencode?: { model?: string; config?: Record<string, unknown> };
  members?: string[];
  secrets?: string[];
  [key: string]: unknown;
}

export interface Project {
  name: string;
  state: State;
  reason?: string;
  url: string;
  attach: string;
  repo?: string;
  branch?: string;
  memory?: Usage;
  cpu?: Usage;
  lastActivity?: string;
  members: string[];
  entry: Entry;
  operation?: string;
  /** The public half of the project's key, where git's auth is ssh. */
  deployKey?: string;
}

export interface Me {
  email: string;
  admin: boolean;
  kind: "person" | "machine" | "local";
}

export interface Overview {
  projects: Project[];
  version: string;
  me: Me;
  stack: string;
}

export interface Operation {
  id: string;
  what: string;
  project?: string;
  person: string;
  state: "queued" | "running" | "succeeded" | "failed" | "interrupted";
  createdAt: string;
  startedAt?: string;
  endedAt?: string;
  total?: number;
  done: number;
  error?: string;
}

/** One step of an update, of one resource. */
export interface Progress {
  op: string;
  type: string;
  name: string;
  urn: string;
  status: "begun" | "done" | "failed";
  message?: string;
}

/** What the engine says beside its steps. */
export interface Message {
  severity: string;
  text: string;
}

export interface LogLine {
  at: string;
  stream: "stdout" | "stderr";
  text: string;
}

/** One mistake in an entry; the path is the key's, as in "resources.memory". */
export interface FieldProblem {
  path: string;
  message: string;
  fix?: string;
}

/** An error of the API (RFC 9457). */
export interface Problem {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  errors?: FieldProblem[];
}
