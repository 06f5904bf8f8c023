import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { stringify } from "yaml";
import { makeNames, type Names } from "../../../config/naming/names.ts";
import { publicUrls } from "../../../config/naming/urls.ts";
import { BASE_IMAGE, CLOUDFLARED, TRAEFIK_IMAGE } from "../../../config/versions.ts";
import { type Cloudflare, LEAST_PERMISSIONS, startCloudflare } from "../../../lab/clouds/cloudflare/index.ts";
import { hex } from "../../../lab/clouds/cloudflare/state.ts";
import { type DigitalOcean, startDigitalOcean } from "../../../lab/clouds/digitalocean/index.ts";
import { MODEL_ID, type ModelStandIn, startModel } from "../../../lab/model/model.ts";
import { healthProblem, projectApi } from "../opencode.ts";
import { cleanEnv, type Change as EngineChange, type Entry, readChanges } from "../platform.ts";
import { must, type Ran, runScript } from "../run.ts";
import { removeDeadFolders, removeFolder, temporaryFolder } from "../temporary.ts";
import { waitFor } from "../wait.ts";

const CHECKOUT = join(import.meta.dirname, "../../..");

/** Folder in the clone for programs of a user's machine. */
const BIN = ".state/bin";
export const STACK = "prod";
export const DOMAIN = "example.com";
const TEAM = "acme";
/** The team's OAuth client at Google. */
export const GOOGLE = {
  clientId: "123456789012-platform.apps.googleusercontent.com",
  clientSecret: `GOCSPX-${hex(14)}`,
};

/** A changed resource and its name for tests: `Container web-container`. */
export interface Change extends EngineChange {
  readonly what: string;
}

export interface Updated extends Ran {
  readonly changes: readonly Change[];
}

/** Both clouds, the model, and a clone of the checkout with its stack `prod`. */
export class World {
  readonly root: string;
  readonly digitalocean: DigitalOcean;
  readonly cloudflare: Cloudflare;
  readonly model: ModelStandIn;
  readonly names: Names = makeNames("opencode");
  readonly urls = publicUrls({
    domain: DOMAIN,
    hostnamePattern: "{name}-code",
    panelHostname: "code",
    sshHostname: "ssh-code",
  });
  /** Secrets that a user of the team has entered. */
  readonly tokens: { readonly digitalocean: string; readonly cloudflare: string };
  /** Additional environment variables of the user. */
  readonly shell: Record<string, string> = {};
  /** Output of all commands so far. */
  readonly said: Ran[] = [];

  constructor(parts: Pick<World, "root" | "digitalocean" | "cloudflare" | "model" | "tokens">) {
    this.root = parts.root;
    this.digitalocean = parts.digitalocean;
    this.cloudflare = parts.cloudflare;
    this.model = parts.model;
    this.tokens = parts.tokens;
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  /** The only droplet. */
  droplet() {
    const [droplet, ...others] = this.digitalocean.droplets();
    if (!droplet || others.length > 0) throw new Error(`${others.length + (droplet ? 1 : 0)} droplets`);
    return droplet;
  }

  /** Runs a command on the droplet as root, without the firewall. */
  async onDroplet(...argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.digitalocean.exec(this.droplet().id, argv);
    if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}: ${stdout}${stderr}`);
    return stdout;
  }

  /** Ids of the droplet's containers, by name. */
  async containers(): Promise<Record<string, string>> {
    const listed = await this.onDroplet("docker", "ps", "--no-trunc", "--format", "{{.Names}} {{.ID}}");
    const lines = listed.trim().split("\n").filter(Boolean);
    return Object.fromEntries(lines.map((line) => line.split(" ") as [string, string]));
  }

  /** Runs `npm run pulumi -- …` on the stack. */
  async pulumi(args: readonly string[], input?: string): Promise<Ran> {
    const ran = await runScript(this.root, "pulumi", [...args, "--stack", STACK], {
      env: this.env(),
      ...(input === undefined ? {} : { input }),
    });
    this.said.push(ran);
    return ran;
  }

  /** Runs a script of the clone. */
  async script(name: string, ...args: string[]): Promise<Ran> {
    const ran = await runScript(this.root, name, args, { env: this.env() });
    this.said.push(ran);
    return ran;
  }

  async configure(key: string, value: string, { secret = false, path = false } = {}): Promise<void> {
    const flags = [...(secret ? ["--secret"] : []), ...(path ? ["--path"] : [])];
    const ran = await this.pulumi(["config", "set", ...flags, key], value);
    if (ran.code !== 0) throw new Error(`config set ${key}: ${ran.output}`);
  }

  /** Runs an update and returns its changes, from the engine's event log. */
  async update(...options: string[]): Promise<Updated> {
    const events = this.path(".state", "production-events.json");
    mkdirSync(this.path(".state"), { recursive: true });
    rmSync(events, { force: true });
    const args = ["up", "--stack", STACK, "--yes", "--non-interactive", "--event-log", events, ...options];
    const env = { ...this.env(), PULUMI_DEBUG_COMMANDS: "true" };
    const ran = await runScript(this.root, "pulumi", args, { env });
    this.said.push(ran);
    const changes = existsSync(events) ? readChanges(readFileSync(events, "utf8")) : [];
    // The engine writes secrets into it.
    rmSync(events, { force: true });
    appendFileSync(join(CHECKOUT, "test-results", "production.log"), `${ran.output}\n`);
    return { ...ran, changes: changes.map((change) => ({ ...change, what: whatOf(change.urn) })) };
  }

  /** The service token of CI, or of another purpose, for Access. */
  async serviceToken(purpose?: string): Promise<{ clientId: string; clientSecret: string }> {
    const name = purpose === undefined ? "serviceToken" : "serviceTokens";
    const { stdout } = await this.pulumi(["stack", "output", name, "--show-secrets", "--json"]);
    const output = JSON.parse(stdout);
    return purpose === undefined ? output : output[purpose];
  }

  /** Waits until a project's opencode responds through the edge. */
  async answers(project: string): Promise<void> {
    const { href: url, hostname: application } = new URL(projectApi.health.path, this.urls.browser(project));
    const token = await this.cloudflare.sign({ application, email: `dev@${DOMAIN}` });
    const headers = { cookie: `CF_Authorization=${token}` };
    await waitFor<true>(
      `${project} to answer`,
      async () => {
        const answer = await this.cloudflare.edge.fetch(url, { headers });
        const body = await answer.text();
        const problem = healthProblem({ status: answer.status, body });
        return problem === undefined ? { done: true } : { seen: problem };
      },
      { within: 180_000, every: 500 },
    );
  }

  /** Writes projects.yaml; every project gets the stand-in model. `more` is added next to the entries. */
  write(entries: readonly Entry[], more: Readonly<Record<string, unknown>> = {}): void {
    const model = `${this.digitalocean.gateway}:${this.model.port}`;
    const baseURL = `http://${model}/v1`;
    const models = { [MODEL_ID]: { name: "Stand-in", limit: { context: 100_000, output: 4096 } } };
    const provider = {
      npm: "@ai-sdk/openai-compatible",
      name: "Stand-in",
      options: { baseURL, apiKey: "any" },
      models,
    };
    const config = {
      enabled_providers: ["stand-in"],
      small_model: `stand-in/${MODEL_ID}`,
      provider: { "stand-in": provider },
    };
    const defaults = {
      resources: { memory: "1GiB", cpus: 1, pids: 512 },
      env: { OPENCODE_DISABLE_MODELS_FETCH: "1" },
      network: { allow: ["internet", model] },
      opencode: { model: `stand-in/${MODEL_ID}`, config },
    };
    writeFileSync(this.path("projects.yaml"), stringify({ defaults, ...more, projects: entries }));
  }

  /** A user's shell, with the stand-in of cloudflared's client on PATH. */
  private env(): NodeJS.ProcessEnv {
    const path = `${this.path(BIN)}${delimiter}${process.env.PATH}`;
    return { ...cleanEnv(), PATH: path, PULUMI_STACK: undefined, ...this.shell };
  }

  async stop(): Promise<void> {
    await Promise.all([this.cloudflare.stop(), this.digitalocean.stop(), this.model.close()]);
    removeFolder(this.root);
  }
}

/**
 * Starts both clouds, clones the checkout's last commit and creates the stack `prod`, without deploying
 * anything.
 */
export async function startWorld(): Promise<World> {
  removeDeadFolders();
  const root = temporaryFolder();
  const tokens = { digitalocean: `dop_v1_${hex(32)}`, cloudflare: hex(20) };
  const model = await startModel();
  const token = tokens.digitalocean;
  const made: { cloudflare?: Cloudflare; archive?: string } = {};
  const digitalocean = await startDigitalOcean({
    name: "production",
    token,
    around: async (address) => {
      const cloudflare = await startCloudflare({
        domain: DOMAIN,
        teamName: TEAM,
        tokens: { [tokens.cloudflare]: LEAST_PERMISSIONS },
        address,
        google: [GOOGLE],
      });
      // A real droplet pulls this from its registry.
      const connector = await cloudflare.connectorImage(CLOUDFLARED);
      Object.assign(made, { cloudflare, ...connector });
      const images = [{ image: BASE_IMAGE }, { image: TRAEFIK_IMAGE }, connector];
      return { images, hosts: cloudflare.hosts };
    },
  });
  const { cloudflare, archive = "" } = made;
  removeFolder(dirname(archive));
  if (!cloudflare) throw new Error("the stand-in for Cloudflare was not started");
  const world = new World({ root, digitalocean, cloudflare, model, tokens });
  try {
    await must("git", ["clone", "--quiet", CHECKOUT, root]);
    mkdirSync(join(CHECKOUT, "test-results"), { recursive: true });
    cloudflare.installClient(world.path(BIN));
    world.write([{ name: "alpha" }, { name: "beta" }]);
    const made = await world.pulumi(["stack", "init"]);
    if (made.code !== 0) throw new Error(`stack init: ${made.output}`);
    await configureStack(world);
  } catch (error) {
    await world.stop();
    throw error;
  }
  return world;
}

async function configureStack(world: World): Promise<void> {
  const { digitalocean, cloudflare, tokens } = world;
  await world.configure("digitalocean:token", tokens.digitalocean, { secret: true });
  await world.configure("cloudflare:apiToken", tokens.cloudflare, { secret: true });
  const plain = {
    "digitalocean:apiEndpoint": digitalocean.url,
    "cloudflare:baseUrl": cloudflare.apiUrl,
    "opencode-platform:domain": DOMAIN,
    "opencode-platform:image": "debian-12-x64",
    // Each droplet builds it anew; the suites of the stack local have the whole one.
    "opencode-platform:slimImage": "true",
    // Includes space for the panel's tools.
    "opencode-platform:volumeSize": "4",
    "opencode-platform:accessEmailDomains": DOMAIN,
    "opencode-platform:sshAllow": digitalocean.gateway,
    "opencode-platform:sshHostname": "ssh-code",
    "opencode-platform:googleClientId": GOOGLE.clientId,
  };
  const pairs = Object.entries(plain).flatMap(([key, value]) => ["--plaintext", `${key}=${value}`]);
  const set = await world.pulumi(["config", "set-all", ...pairs]);
  if (set.code !== 0) throw new Error(`config set-all: ${set.output}`);
  await world.configure("opencode-platform:googleClientSecret", GOOGLE.clientSecret, {
    secret: true,
  });
}

/** The last two parts of a URN. */
function whatOf(urn: string): string {
  const [type = "", name = ""] = urn.split("::").slice(2);
  return `${type.split(":").at(-1)} ${name}`;
}
