import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";
import { stringify } from "yaml";
import { makeNames, type Names } from "../../config/naming/names.ts";
import { localWorkspaces } from "../../config/stack/workspaces-dir.ts";
import { readOptional } from "../../config/text/read-optional.ts";
import { OPENCODE } from "../../config/versions.ts";
import { MODEL_ID } from "../../lab/model/model.ts";
import { containerIds } from "./docker.ts";
import { RELEASE } from "./opencode.ts";
import { type Ran, run, runScript } from "./run.ts";

/**
 * The clone shared by all test files of a run, created by global-setup.ts. Plain data, as it crosses
 * processes.
 */
export interface Fixture {
  /** The clone's directory. */
  readonly root: string;
  readonly prefix: string;
  /** Port of the clone's gateway. */
  readonly port: number;
  /** This machine's address for containers. */
  readonly host: string;
  /** Where test files serve the model, and the global setup a public repository named `alpha`. */
  readonly modelPort: number;
  readonly gitPort: number;
  /** Output of the first `npm start` in the clone. */
  readonly firstStart: string;
}

declare module "vitest" {
  interface ProvidedContext {
    fixture: Fixture;
  }
}

/** An entry of projects.yaml. */
export type Entry = { readonly name: string } & Readonly<Record<string, unknown>>;

/** A resource that an update created, changed, replaced or deleted. */
export interface Change {
  readonly op: string;
  readonly urn: string;
}

export interface Updated extends Ran {
  /** Changes in the engine's event log, without unchanged resources. */
  readonly changes: readonly Change[];
}

/** The clone, and a user's actions in it. */
export class Platform {
  readonly fixture: Fixture;
  readonly names: Names;

  constructor(fixture: Fixture = inject("fixture")) {
    this.fixture = fixture;
    this.names = makeNames(fixture.prefix);
  }

  path(...parts: string[]): string {
    return join(this.fixture.root, ...parts);
  }

  container(project: string): string {
    return this.names.project(project);
  }

  url(project: string): string {
    return `http://${project}.localhost:${this.fixture.port}/`;
  }

  api(project: string): string {
    return `http://localhost:${this.fixture.port}/p/${project}`;
  }

  /** The directory of the clone's workspaces; as the program finds it. */
  get workspacesDir(): string {
    return localWorkspaces({ workspacesDir: undefined }, this.fixture.root, cleanEnv()).path;
  }

  workspace(project: string): string {
    return join(this.workspacesDir, project);
  }

  /** The home of a project's container. */
  home(project: string): string {
    return join(this.workspacesDir, ".data", project);
  }

  /** The two projects of the first start: `alpha` cloned from a git server, `beta` empty. */
  baseline(): Entry[] {
    return [
      { name: "alpha", repo: `http://${this.fixture.host}:${this.fixture.gitPort}/alpha.git` },
      { name: "beta" },
    ];
  }

  /** Copy of projects.yaml as the last update applied it; removed by any edit since. */
  private get applied(): string {
    return this.path(".state", "e2e-applied.yaml");
  }

  /** Records that the current projects.yaml is applied. */
  markApplied(): void {
    copyFileSync(this.path("projects.yaml"), this.applied);
  }

  /** Returns to the first two projects; skips the update if nothing changed since. */
  async reset(): Promise<void> {
    const [wanted, applied, now] = [
      this.render(this.baseline()),
      readOptional(this.applied),
      readOptional(this.path("projects.yaml")),
    ];
    if (wanted !== applied || wanted !== now) await this.apply(this.baseline());
  }

  /** Writes projects.yaml, in which every project gets the stand-in model. */
  write(entries: readonly Entry[]): void {
    rmSync(this.applied, { force: true });
    writeFileSync(this.path("projects.yaml"), this.render(entries));
  }

  /** What every entry without a list of its own may reach: the stand-ins for the model and the git server, and further ports of the host. */
  allow(...ports: readonly number[]): string[] {
    const { modelPort, gitPort } = this.fixture;
    return ["internet", ...[modelPort, gitPort, ...ports].map((port) => `host:${port}`)];
  }

  private render(entries: readonly Entry[]): string {
    const defaults = {
      resources: { memory: "1GiB", cpus: 1, pids: 512 },
      env: { OPENCODE_DISABLE_MODELS_FETCH: "1" },
      network: { allow: this.allow() },
      opencode: {
        model: `stand-in/${MODEL_ID}`,
        config: this.opencodeConfig("any"),
        ...(RELEASE === OPENCODE ? {} : { version: RELEASE }),
      },
    };
    // What is asked about a repository that nobody has trusted has tests of its own.
    const projects = entries.map((entry) =>
      "repo" in entry || "repos" in entry ? { trust: "always", ...entry } : entry,
    );
    return stringify({ defaults, projects });
  }

  /** opencode.json with only the stand-in model. */
  opencodeConfig(apiKey: string): Record<string, unknown> {
    const { host, modelPort } = this.fixture;
    return {
      enabled_providers: ["stand-in"],
      small_model: `stand-in/${MODEL_ID}`,
      provider: {
        "stand-in": {
          npm: "@ai-sdk/openai-compatible",
          name: "Stand-in",
          options: { baseURL: `http://${host}:${modelPort}/v1`, apiKey },
          models: { [MODEL_ID]: { name: "Stand-in", limit: { context: 100_000, output: 4096 } } },
        },
      },
    };
  }

  /** Runs `npm …` in the clone. */
  npm(...args: string[]): Promise<Ran> {
    return run("npm", args, { cwd: this.fixture.root, env: cleanEnv() });
  }

  /** Runs a script of the clone. */
  script(name: string, ...args: string[]): Promise<Ran> {
    return runScript(this.fixture.root, name, args, { env: cleanEnv() });
  }

  pulumi(...args: string[]): Promise<Ran> {
    return this.script("pulumi", ...args);
  }

  /** Runs `pulumi up` and returns its changes. */
  async update(): Promise<Updated> {
    const events = this.path(".state", "e2e-events.json");
    mkdirSync(this.path(".state"), { recursive: true });
    rmSync(events, { force: true });
    const args = ["up", "--yes", "--non-interactive", "--skip-preview", "--event-log", events];
    const env = { ...cleanEnv(), PULUMI_DEBUG_COMMANDS: "true" };
    const ran = await runScript(this.fixture.root, "pulumi", args, { env });
    const changes = existsSync(events) ? readChanges(readFileSync(events, "utf8")) : [];
    rmSync(events, { force: true });
    return { ...ran, changes };
  }

  /** Applies exactly these projects; fails if the update does. */
  async apply(entries: readonly Entry[]): Promise<Updated> {
    this.write(entries);
    const updated = await this.update();
    if (updated.code !== 0)
      throw new Error(`pulumi up ended with ${updated.code}:\n${updated.output.slice(-6000)}`);
    this.markApplied();
    return updated;
  }

  /** Sets a value in the stack's configuration. */
  async configure(key: string, value: string, { secret = false } = {}): Promise<void> {
    rmSync(this.applied, { force: true });
    const args = ["config", "set", ...(secret ? ["--secret"] : []), key];
    const ran = await runScript(this.fixture.root, "pulumi", args, { env: cleanEnv(), input: value });
    if (ran.code !== 0) throw new Error(`config set ${key} ended with ${ran.code}:\n${ran.output}`);
  }

  ids(): Promise<Record<string, string>> {
    return containerIds(this.fixture.prefix);
  }
}

/** A user's shell environment, without npm's and vitest's variables. */
export function cleanEnv(): NodeJS.ProcessEnv {
  const foreign =
    /^(npm_|VITEST|VITE_|NODE_ENV$|NODE_OPTIONS$|TEST$|DEV$|PROD$|MODE$|SSR$|BASE_URL$|INIT_CWD$|PULUMI_BIN$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

interface EngineEvent {
  readonly resourcePreEvent?: { readonly metadata: Change };
}

/** The changes in an engine's event log. */
export function readChanges(log: string): Change[] {
  return log
    .split("\n")
    .filter(Boolean)
    .flatMap((line) => {
      const metadata = (JSON.parse(line) as EngineEvent).resourcePreEvent?.metadata;
      return metadata && !["same", "refresh", "read"].includes(metadata.op)
        ? [{ op: metadata.op, urn: metadata.urn }]
        : [];
    });
}
