import { createHash } from "node:crypto";
import { parse } from "yaml";
import { fail } from "../../../config/errors.ts";
import { localUrls } from "../../../config/naming/urls.ts";
import { loadProjects } from "../../../config/projects/load.ts";
import { perPersonOf } from "../../../config/projects/normalise.ts";
import { plainValue } from "../../../config/text/yaml-edit.ts";
import type { Session } from "../../../opencode/api/index.ts";
import { type ContainerInfo, readContainer } from "../../../operate/docker/container-state.ts";
import { servicesOf } from "../../../operate/docker/services.ts";
import type { KeeperAnswer, KeeperEvent, Kept, SleepState } from "../../../operate/keeper/client.ts";
import type { Copy } from "../../../operate/opencode/rollback.ts";
import type { AuditEntry } from "../../../panel/server/access/audit.ts";
import type { Authority } from "../../../panel/server/access/authority.ts";
import { localAddresses } from "../../../panel/server/access/guard.ts";
import { Streams } from "../../../panel/server/api/sse.ts";
import { makePanel } from "../../../panel/server/app.ts";
import type { PanelServices } from "../../../panel/server/parts.ts";
import { applyEdit } from "../../../panel/server/platform/projects-file.ts";
import {
  Conflict,
  NotFound,
  type Operation,
  type OperationEvent,
  type OperationRequest,
  type Operations,
  type Person,
} from "../../../panel/server/platform/types.ts";

import { FakeStorage } from "../storage.ts";

export const ADMIN: Person = { email: "ann@example.com", kind: "person", admin: true };
export const MEMBER: Person = { email: "ben@example.com", kind: "person", admin: false };
export const OWNER: Person = { email: "olga@example.com", kind: "person", admin: false };
export const STRANGER: Person = { email: "eve@example.com", kind: "person", admin: false };
export const MACHINE: Person = { email: "deployer", kind: "machine", admin: false };

export const FILE = `groups:
  shop: [ben@example.com, olga@example.com]
projects:
  # the shop
  - name: web-shop
    repo: https://example.com/web-shop.git
    members: [shop]
    owners: [olga@example.com]
  - name: secret-plan
    members: [zoe@example.com]
    state: stopped
`;

const versionOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Operations on a projects.yaml in memory, which stay running. */
export class FakeOperations implements Operations {
  text = FILE;
  readonly requests: OperationRequest[] = [];
  readonly all = new Map<string, { operation: Operation; events: OperationEvent[] }>();
  readonly #check: (text: string) => void;

  constructor(check: (text: string) => void) {
    this.#check = check;
  }

  async submit(request: OperationRequest): Promise<Operation> {
    const { version, edit, what, project, person, authorize } = request;
    authorize?.(this.text);
    if (version !== undefined && version !== versionOf(this.text))
      throw new Conflict("projects.yaml was changed meanwhile");
    if (edit) {
      const text = applyEdit(this.text, edit);
      this.#check(text);
      await request.atOnce?.();
      this.text = text;
    }
    this.requests.push(request);
    const operation: Operation = {
      id: `op${this.all.size + 1}`,
      what,
      ...(project === undefined ? {} : { project }),
      person: person.email,
      state: "running",
      createdAt: "2026-01-01T00:00:00.000Z",
      done: 0,
    };
    this.all.set(operation.id, { operation, events: [{ id: 1, event: "state", data: operation }] });
    return operation;
  }

  get(id: string): Operation | undefined {
    return this.all.get(id)?.operation;
  }

  list(): Operation[] {
    return [...this.all.values()].map(({ operation }) => operation).reverse();
  }

  async *events(id: string, after = 0): AsyncIterable<OperationEvent> {
    const known = this.all.get(id);
    if (!known) throw new NotFound(`Operation ${id} not found`);
    for (const event of known.events) if (event.id > after) yield event;
  }

  async recover(): Promise<void> {}
  async close(): Promise<void> {}
}

/** A container, from the output of `docker inspect`. */
export function container(project: string, values: Partial<ContainerInfo> = {}): ContainerInfo {
  const inspection = {
    Id: `id-${project}`,
    Name: `/papi-project-${project}`,
    Created: "2026-01-01T00:00:00Z",
    Config: { Labels: { "dev.opencode-platform.project": project } },
    HostConfig: { Memory: 512 * 2 ** 20, CpuQuota: 50_000, CpuPeriod: 100_000 },
    State: { Status: "running", StartedAt: "2026-01-01T00:00:00Z", Health: { Status: "healthy" } },
  };
  const read = readContainer(inspection);
  if (!read) throw new Error("no container");
  return { ...read, ...values };
}

/** Containers that a test changes. */
export class FakeContainers {
  isConnected = true;
  readonly all = new Map<string, ContainerInfo>();
  readonly listeners = new Set<() => void>();

  ofProject(name: string): ContainerInfo | undefined {
    return this.all.get(name);
  }
  named(name: string): ContainerInfo | undefined {
    return [...this.all.values()].find((known) => known.name === name);
  }
  servicesOf(name: string): ContainerInfo[] {
    return servicesOf(name, this.all.values());
  }
  running(): ContainerInfo[] {
    return [...this.all.values()].filter(({ project, status }) => project !== "" && status === "running");
  }
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  put(known: ContainerInfo): void {
    this.all.set(known.project || known.name, known);
    for (const listener of [...this.listeners]) listener();
  }
}

export const ORIGIN = "http://127.0.0.1:4090";

/** A panel with fake services, used as one person. */
export class World {
  person: Person = ADMIN;
  authority: Authority = {
    admins: [ADMIN.email],
    defaults: { accessEmails: [], accessEmailDomains: [] },
    create: "everyone",
  };
  /** Names of secrets that have a value. */
  readonly secrets = new Set<string>();
  /** The audit log's lines of ended requests, and of acts that began. */
  readonly acts: AuditEntry[] = [];
  readonly begun: AuditEntry[] = [];
  readonly defects: unknown[] = [];
  readonly controlled: string[] = [];
  /** Names of projects that have a workspace. */
  readonly workspaces = new Set<string>();
  readonly deleted: string[] = [];
  /** Those of them without a last backup. */
  readonly deletedWithoutBackup: string[] = [];
  readonly storage = new FakeStorage();
  /** Names under which a workspace has been set aside; one that was put back is not among them. */
  readonly aside: string[] = [];
  /** The copies that projects go back to, by name. */
  readonly copies = new Map<string, Copy>();
  /** Sessions used since a copy was made; undefined if opencode is not responding. */
  left: readonly Session[] | undefined = [];
  /** Projects whose setup was run, in order. */
  readonly setups: string[] = [];
  /** What the keeper says of projects; why it refuses an act; what it did. */
  readonly kept = new Map<string, Kept>();
  refusal: Exclude<KeeperAnswer<SleepState>, { kind: "answered" }> | undefined;
  readonly history = new Map<string, readonly KeeperEvent[]>();
  readonly containers = new FakeContainers();
  readonly streams = new Streams();
  readonly operations: FakeOperations;
  readonly parts: PanelServices;
  readonly app: ReturnType<typeof makePanel>;

  constructor(over: Partial<PanelServices> = {}) {
    const load = (text: string) => loadProjects(text, { file: "projects.yaml", stack: "local" });
    const check = (text: string, given?: { names: readonly string[] }) =>
      void loadProjects(text, {
        file: "projects.yaml",
        stack: "local",
        hasSecret: (_, name) => this.secrets.has(name) || (given?.names.includes(name) ?? false),
      });
    this.operations = new FakeOperations(load);
    const act = (word: string) => async (project: string) => {
      this.controlled.push(`${word} ${project}`);
      return this.containers.all.has(project);
    };
    this.parts = {
      stack: "local",
      addresses: localAddresses(4090),
      identify: async () => this.person,
      audit: {
        record: async (noted) => void (noted.outcome === "begun" ? this.begun : this.acts).push(noted),
        close: () => {},
      },
      authority: () => this.authority,
      urls: localUrls({ port: 4080, localDomain: "localhost" }),
      file: {
        read: () => ({
          text: this.operations.text,
          version: versionOf(this.operations.text),
          entries: entriesOf(this.operations.text),
        }),
        load,
        perPerson: (text) => perPersonOf(plainValue(text)),
        check,
      },
      operations: this.operations,
      containers: this.containers,
      usage: { of: () => ({}), listen: () => () => {}, settled: async () => {} },
      logs: {
        last: async (_, lines) => [{ at: "2026-01-01T00:00:00Z", stream: "stdout", text: `last ${lines}` }],
        async *follow(project) {
          yield { at: "2026-01-01T00:00:00Z", stream: "stderr", text: project };
        },
      },
      control: { start: act("start"), stop: act("stop") },
      sleep: {
        of: (project) => this.kept.get(project),
        problem: undefined,
        listen: () => () => {},
        settled: async () => {},
        caughtUp: async () => {},
        hurry: () => {},
      },
      keeper: {
        wake: async (project) => this.keep("wake", project),
        sleep: async (project) => this.keep("sleep", project),
        history: async (project) => ({ kind: "answered", value: this.history.get(project) ?? [] }),
      },
      rollbacks: {
        find: async (project) =>
          this.copies.get(project) ?? fail("conflict", project, "has no copy of its sessions"),
        left: async () => this.left,
      },
      setups: {
        request: async (project) => {
          if (!this.containers.all.has(project)) fail("conflict", project, "is not running");
          return this.setups.push(project);
        },
      },
      activity: { of: () => undefined },
      deployKeys: { of: () => undefined },
      hasWorkspace: async (name) => this.workspaces.has(name),
      describeWorkspace: async (name) =>
        this.workspaces.has(name) ? { name, bytes: 3 * 2 ** 20, lastUsed: Date.UTC(2026, 0, 1) } : undefined,
      setAsideWorkspace: async (name) => {
        if (!this.workspaces.delete(name)) return async () => {};
        this.aside.push(name);
        return async () => {
          this.aside.splice(this.aside.indexOf(name), 1);
          this.workspaces.add(name);
        };
      },
      deleteWorkspace: async (name, { withoutBackup = false } = {}) => {
        this.deleted.push(name);
        if (withoutBackup) this.deletedWithoutBackup.push(name);
      },
      storage: this.storage,
      secretNames: () => [],
      ownerOf: (name) => ({ name, uid: 2000, gid: 1000 }),
      health: async () => ({ status: "ok", parts: [] }),
      streams: this.streams,
      report: (error) => void this.defects.push(error),
      ...over,
    };
    this.app = makePanel(this.parts);
  }

  /** Does what the keeper would. */
  keep(act: "wake" | "sleep", project: string): KeeperAnswer<SleepState> {
    if (this.refusal) return this.refusal;
    this.controlled.push(`${act} ${project}`);
    return { kind: "answered", value: act === "wake" ? "awake" : "asleep" };
  }

  /** Sends a request, with a JSON body and without a browser's headers. */
  async ask(
    method: string,
    path: string,
    { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Response> {
    const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
    const length = { "content-length": String(Buffer.byteLength(text ?? "")) };
    return this.app.request(`${ORIGIN}${path}`, {
      method,
      headers: {
        host: "127.0.0.1:4090",
        ...(text === undefined ? {} : { "content-type": "application/json", ...length }),
        ...headers,
      },
      ...(text === undefined ? {} : { body: text }),
    });
  }
}

/** Entries as written. */
const entriesOf = (text: string): unknown[] => (parse(text) as { projects: unknown[] }).projects;

/** The events of a stream's text. */
export const eventsIn = (text: string) =>
  text
    .split("\n\n")
    .filter((block) => block.includes("event: "))
    .map((block) => ({
      event: /^event: (.*)$/m.exec(block)?.[1],
      id: /^id: (.*)$/m.exec(block)?.[1],
      data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? "null"),
    }));
