import { randomBytes, randomUUID } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PLATFORM_LABEL } from "../../../config/naming/names.ts";
import { type GitServer, makeRepositories, startGit } from "../../../lab/forges/git.ts";
import { answerTo, type ModelStandIn, startModel } from "../../../lab/model/model.ts";
import { docker, execIn, health, logsOf } from "../../support/docker.ts";
import { ask } from "../../support/http.ts";
import { filesUnder, findLeaks, type Place, watchCommandLines } from "../../support/leaks.ts";
import { callAt, exchange, projectApi } from "../../support/opencode.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { must, type Ran } from "../../support/run.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";
import { waitForText } from "../../support/wait.ts";

const platform = new Platform();
const { port, host, modelPort } = platform.fixture;

/** The last word is searched for; the rest is there to break quoting in a shell, in JSON and in YAML. */
const awkward = (word: string) => `/+&="$(id)'\\é ${word}`;
const word = (name: string) => `${name}${randomBytes(12).toString("hex")}`;

interface Resource {
  readonly type: string;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

describe("secrets", () => {
  const folder = temporaryFolder();
  const repositories = makeRepositories(folder);
  const words = { shared: word("shared"), own: word("own"), token: word("token"), modelKey: word("key") };
  const configured = { ...words, shared: awkward(words.shared), own: awkward(words.own) };
  /** Values to search for: those words, and generated secrets. */
  let values: Record<string, string>;
  let git: GitServer;
  let model: ModelStandIn;
  let updates: Ran[] = [];
  let preview: Ran;
  let commandLines: Set<string>;

  beforeAll(async () => {
    await platform.reset();
    repositories.add("vault", [{ files: { "README.md": "vault" } }]);
    git = await startGit(repositories, { tokens: { vault: configured.token } });
    model = await startModel({ port: modelPort, key: configured.modelKey });
    await platform.configure("secrets:SHARED", configured.shared, { secret: true });
    await platform.configure("secrets:vault/OWN", "will be changed", { secret: true });
    await platform.configure("secrets:vault/GIT_TOKEN", configured.token, { secret: true });
    await platform.configure("secrets:MODEL_KEY", configured.modelKey, { secret: true });
    platform.write([
      ...platform.baseline(),
      {
        name: "vault",
        repo: `http://${host}:${git.port}/vault.git`,
        secrets: ["SHARED", "OWN", "GIT_TOKEN", "MODEL_KEY"],
        git: { auth: "token", secret: "GIT_TOKEN" },
        network: { allow: platform.allow(git.port) },
        opencode: { config: { provider: { "stand-in": { options: { apiKey: "{env:MODEL_KEY}" } } } } },
      },
      { name: "vault-ssh", repo: `ssh://git@${host}:9/vault.git`, git: { auth: "ssh" } },
    ]);
    const watch = watchCommandLines();
    updates = [await platform.pulumi("up", "--yes", "--non-interactive", "--diff")];
    // A diff would show a changed secret.
    await platform.configure("secrets:vault/OWN", configured.own, { secret: true });
    preview = await platform.pulumi("preview", "--diff", "--non-interactive", "--show-replacement-steps");
    updates.push(await platform.pulumi("up", "--yes", "--non-interactive", "--diff"));
    updates.push(await platform.npm("start"));
    commandLines = watch.stop();
    for (const { code, output } of [...updates, preview]) expect(code, output).toBe(0);
    await answering(platform, "vault");
    values = { ...words, ...(await generated()) };
  });

  afterAll(async () => {
    await platform.reset();
    await Promise.all([git?.close(), model?.close()]);
    removeFolder(folder);
  });

  it("are visible with --show-secrets, so the search below is not blind", async () => {
    const config = JSON.parse((await platform.pulumi("config", "--json", "--show-secrets")).stdout) as Record<
      string,
      { value: string }
    >;
    expect(config["secrets:SHARED"]?.value).toBe(configured.shared);
    expect(config["secrets:vault/OWN"]?.value).toBe(configured.own);
    expect(values.password).toMatch(/^\w{32}$/);
    expect(values.deployKey).toMatch(/^[\w+/]{60,72}$/);
    const exported = (await platform.pulumi("stack", "export", "--show-secrets")).stdout;
    const found = findLeaks(values, [{ where: "the state", text: exported }]).join("\n");
    for (const name of Object.keys(values)) expect(found).toContain(`${name} (`);
  });

  it("reach opencode: files in the container, variables of the server, the key at the model", async () => {
    const container = platform.container("vault");
    for (const [file, value] of Object.entries({ SHARED: configured.shared, OWN: configured.own })) {
      expect((await execIn(container, ["cat", `/run/opencode/secrets/${file}`])).stdout).toBe(value);
    }
    const { stdout } = await execIn(container, [
      "bash",
      "-c",
      "tr '\\0' '\\n' < /proc/$(pgrep -xo opencode)/environ",
    ]);
    expect(stdout).toContain(`SHARED=${configured.shared}\n`);
    expect(stdout).toContain(`OWN=${configured.own}\n`);
    const nonce = randomUUID();
    const at = { port, path: "/p/vault" };
    const { id } = await callAt(at, projectApi.createSession());
    const answer = await exchange(at, id, `Say nonce:${nonce}`);
    expect(answer).toContain(answerTo(`nonce:${nonce}`));
    expect(model.requests.map(({ authorization }) => authorization)).toContain(
      `Bearer ${configured.modelKey}`,
    );
  });

  it("are not given to other projects", async () => {
    const { stdout } = await execIn(platform.container("alpha"), [
      "bash",
      "-c",
      "cat /proc/[0-9]*/environ; cat /run/opencode/secrets/*",
    ]);
    expect(findLeaks(values, [{ where: "alpha", text: stdout }])).toEqual([]);
  });

  it("are in no file of the checkout but the routes, which only their owner can read", async () => {
    const routes = platform.path(".runtime", "routes");
    const skip = (path: string) =>
      path === routes || /\/node_modules$/.test(path) || path === platform.path(".git");
    expect(findLeaks(values, filesUnder(platform.fixture.root, skip))).toEqual([]);
    for (const file of readdirSync(routes))
      expect([file, statSync(`${routes}/${file}`).mode & 0o777]).toEqual([file, 0o600]);
    expect(findLeaks(values, filesUnder(routes)).join()).toContain("password (base64");
    expect(findLeaks({ ...words, deployKey: values.deployKey ?? "" }, filesUnder(routes))).toEqual([]);
    expect(readFileSync(platform.path("Pulumi.local.yaml"), "utf8")).toContain(
      "secrets:SHARED:\n    secure: ",
    );
  });

  it("are in no preview and no log of an update", () => {
    const said = [...updates, preview].map(({ output }, index) => ({
      where: `output ${index}`,
      text: output,
    }));
    expect(findLeaks(values, said)).toEqual([]);
    expect(said.map(({ text }) => text).join()).toContain("[secret]");
  });

  it("are in no output unless requested", async () => {
    const asked = [
      ["stack", "output", "--json"],
      ["stack", "export"],
      ["config", "--json"],
      ["stack", "--show-urns"],
    ];
    for (const args of asked) {
      const { code, output } = await platform.pulumi(...args);
      expect(code, output).toBe(0);
      expect(findLeaks(values, [{ where: args.join(" "), text: output }])).toEqual([]);
    }
  });

  it("are not in Docker's containers, images, image history or logs", async () => {
    await waitForText("a clone", async () => (await health(platform.container("vault"))).line, /cloned|kept/);
    expect(findLeaks(values, await shownByDocker())).toEqual([]);
  });

  it("were on no process's command line during the updates", () => {
    const lines = [...commandLines];
    expect(lines.some((line) => /pulumi up --yes/.test(line))).toBe(true);
    expect(lines.some((line) => line.includes(platform.container("vault")))).toBe(true);
    expect(
      findLeaks(
        values,
        lines.map((text) => ({ where: text.slice(0, 40), text })),
      ),
    ).toEqual([]);
  });

  it("are not shown by Traefik, whose API is off", async () => {
    for (const path of ["/api/http/middlewares", "/api/rawdata", "/dashboard/"]) {
      expect((await ask({ port, path })).status).toBe(404);
    }
  });

  async function generated(): Promise<{ password: string; deployKey: string }> {
    const { stdout } = await platform.pulumi("stack", "export", "--show-secrets");
    const { deployment } = JSON.parse(stdout) as { deployment: { resources: Resource[] } };
    const output = (type: string, key: string, of: string) => {
      const all = deployment.resources as (Resource & { urn: string })[];
      return plain(
        all.find((resource) => resource.type === type && resource.urn.endsWith(`::${of}`))?.outputs?.[key],
      );
    };
    const key = output("tls:index/privateKey:PrivateKey", "privateKeyOpenssh", "vault-ssh-deploy-key");
    return {
      password: output("random:index/randomPassword:RandomPassword", "result", "vault-password"),
      // The line with the private half; those before have the public one.
      deployKey: key.split("\n")[4] ?? "",
    };
  }
});

/** A secret in a state exported with --show-secrets is JSON in an envelope. */
function plain(value: unknown): string {
  if (typeof value === "string") return value;
  const { plaintext } = (value ?? {}) as { plaintext?: string };
  return plaintext === undefined ? "" : (JSON.parse(plaintext) as string);
}

async function shownByDocker(): Promise<Place[]> {
  const filters = { label: [`${PLATFORM_LABEL}=${platform.fixture.prefix}`] };
  const containers = await docker.listContainers({ all: true, filters });
  const places: Place[] = [];
  for (const { Id, ImageID, Names } of containers) {
    const where = Names[0] ?? Id;
    places.push({ where: `inspect ${where}`, text: JSON.stringify(await docker.getContainer(Id).inspect()) });
    places.push({ where: `logs ${where}`, text: await logsOf(Id) });
    places.push({ where: `changes ${where}`, text: JSON.stringify(await docker.getContainer(Id).changes()) });
    const image = docker.getImage(ImageID);
    places.push({
      where: `image of ${where}`,
      text: JSON.stringify([await image.inspect(), await image.history()]),
    });
    places.push({
      where: `top ${where}`,
      text: (await must("docker", ["top", Id, "-eo", "pid,args"])).stdout,
    });
  }
  return places;
}
