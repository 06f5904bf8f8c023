/** A project in a company's network: a proxy, an authority and registries of its own, and no other way out. */
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Listening, listen } from "../../../lab/clouds/http.ts";
import { type Authority, makeAuthority, startTls } from "../../../lab/company/authority.ts";
import { type ProxyStandIn, startProxy } from "../../../lab/company/proxy.ts";
import { type RegistryStandIn, startRegistries } from "../../../lab/company/registries.ts";
import { makeRepositories, startGit } from "../../../lab/forges/git.ts";
import { type GitHubStandIn, startGitHub } from "../../../lab/forges/github.ts";
import { answerTo, type ModelStandIn, promptToRun, startModel } from "../../../lab/model/model.ts";
import { docker, shellIn } from "../../support/docker.ts";
import { callAt, exchange, projectApi } from "../../support/opencode.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";
import { waitFor } from "../../support/wait.ts";

const platform = new Platform();
const { port, host, modelPort } = platform.fixture;
const NAME = "corp";
const CANARIES = {
  CORP_NPM: "canary-of-npm-4f1b",
  CORP_PYPI: "canary-of-pypi-88d2",
  FORGE_TOKEN: "canary-of-forge-19ac",
};
const REPOSITORY = `example/${NAME}`;
/** Names that no DNS has. */
const NAMES = { git: "git.corp.test", model: "model.corp.test", packages: "packages.corp.test" };
const PACKAGES = `https://${NAMES.packages}`;
const SETTINGS = ["proxy", "caBundle", "registries"];
const folder = temporaryFolder();
const repositories = makeRepositories(folder);
const closing: Listening[] = [];
/** By hostname, the port of its TLS on loopback. */
const fronts = new Map<string, number>();
let authority: Authority;
let proxy: ProxyStandIn;
let registries: RegistryStandIn;
let model: ModelStandIn;
let forge: GitHubStandIn;

const key = (path: string) => `opencode-platform:${path}`;
const inProject = async (command: string) => {
  const { code, stdout, output } = await shellIn(platform.container(NAME), command);
  expect(code, output).toBe(0);
  return stdout.trim();
};
const set = async (path: string, value: string) => {
  const { code, output } = await platform.pulumi("config", "set", "--path", key(path), value);
  expect(code, output).toBe(0);
};

/** Opens a stand-in to the proxy's clients alone, under a name with the company's certificate. */
async function front<T extends Listening>(name: string, standIn: T): Promise<T> {
  const tls = await startTls(authority.issue(name), standIn.port);
  fronts.set(name, tls.port);
  closing.push(tls, standIn);
  return standIn;
}

const gitIn = (...args: string[]) =>
  execFileSync("git", ["-C", join(folder, `${NAME}.git`), ...args], { encoding: "utf8" }).trim();

/** The company's forge: git, and below /api what GitHub's own server has. */
async function startForge(): Promise<Listening> {
  const token = CANARIES.FORGE_TOKEN;
  const git = await startGit(repositories, {
    host: "127.0.0.1",
    tokens: { [NAME]: token },
    pushable: [NAME],
  });
  forge = await startGitHub({
    repository: REPOSITORY,
    tokens: {
      [token]: { login: "shop-agent", permissions: { contents: "write", "pull-requests": "write" } },
    },
    pullRequests: [],
    hasBranch: (name) => gitIn("for-each-ref", `refs/heads/${name}`) !== "",
  });
  const api = Number(new URL(forge.apiUrl).port);
  const server = createServer((incoming, response) => {
    const { url = "", method, headers } = incoming;
    const to = {
      host: "127.0.0.1",
      port: url.startsWith("/api/") ? api : git.port,
      path: url,
      method,
      headers,
    };
    incoming.pipe(
      request(to, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      }),
    );
  });
  closing.push(git, { port: api, close: () => forge.close() });
  return listen(server, { host: "127.0.0.1" });
}

async function startCompany(): Promise<void> {
  authority = makeAuthority("Root of the company");
  repositories.add(NAME, [{ files: { "README.md": "cloned" } }]);
  await front(NAMES.git, await startForge());
  model = await front(NAMES.model, await startModel({ host: "127.0.0.1" }));
  const basic = Buffer.from(`__token__:${CANARIES.CORP_PYPI}`).toString("base64");
  const asked = { npm: `Bearer ${CANARIES.CORP_NPM}`, pypi: `Basic ${basic}` };
  registries = await front(NAMES.packages, await startRegistries({ url: PACKAGES, ...asked }));
  // The image's build asks for public packages, since its registries have credentials.
  proxy = await startProxy(
    (name) => fronts.get(name) ?? (name.endsWith(".corp.test") ? undefined : "outside"),
  );
  closing.push(proxy);
}

beforeAll(async () => {
  await startCompany();
  writeFileSync(platform.path(".state", "corp.pem"), `# Root of the company\n${authority.ca}`);
  await platform.configure(key("caBundle"), ".state/corp.pem");
  await set("proxy.https", `http://${host}:${proxy.port}`);
  await set("registries.npm.url", `${PACKAGES}/npm`);
  await set("registries.npm.secret", "CORP_NPM");
  await set("registries.pypi.url", `${PACKAGES}/simple`);
  await set("registries.pypi.secret", "CORP_PYPI");
  for (const [name, value] of Object.entries(CANARIES))
    await platform.configure(`secrets:${name}`, value, { secret: true });
  await platform.apply([
    ...platform.baseline(),
    {
      name: NAME,
      repo: `https://${NAMES.git}/${NAME}.git`,
      network: { allow: [`host:${proxy.port}`] },
      secrets: ["FORGE_TOKEN"],
      git: {
        auth: "token",
        secret: "FORGE_TOKEN",
        forge: "github",
        name: "Shop agent",
        email: "shop-agent@example.com",
      },
      setup: "npm install --no-save own-npm\npip install own-py\n",
      opencode: {
        config: { provider: { "stand-in": { options: { baseURL: `https://${NAMES.model}/v1` } } } },
      },
    },
  ]);
});
afterAll(async () => {
  for (const name of SETTINGS) await platform.pulumi("config", "rm", key(name));
  for (const name of Object.keys(CANARIES)) await platform.pulumi("config", "rm", `secrets:${name}`);
  // The baseline, and the image from before, which is still there.
  await platform.apply(platform.baseline());
  for (const each of closing) await each.close();
  removeFolder(folder);
});

describe("a project in a company's network", () => {
  it("is cloned by https, with the company's certificate", async () => {
    await answering(platform, NAME);
    await waitFor("the clone", async () => {
      const { stdout } = await shellIn(platform.container(NAME), "cat /workspace/README.md");
      return stdout === "cloned" ? { done: true } : { seen: stdout };
    });
    expect(proxy.requests).toContain(`CONNECT ${NAMES.git}:443`);
  });

  it("has npm, pip and uv install from the company's registries, with credentials", async () => {
    await waitFor("setup", async () => {
      const { stdout } = await shellIn(platform.container(NAME), "cat /tmp/opencode-platform/setup");
      return stdout.startsWith("ended 1") ? { done: true } : { seen: stdout };
    });
    expect(await inProject("cat /tmp/opencode-platform/setup")).toBe("ended 1 0");
    expect(await inProject("node -p 'require(\"own-npm\")'")).toBe("own npm");
    expect(await inProject("python3 -c 'import own_py; print(own_py.NAME)'")).toBe("own py");
    const wheels = () => registries.requests.filter((line) => /^200 .*\.whl$/.test(line)).length;
    const byPip = wheels();
    expect(byPip).toBeGreaterThan(0);
    await inProject("uv venv --quiet /tmp/own && uv pip install --quiet --python /tmp/own own-py");
    expect(registries.requests).toContain("200 /npm/own-npm/-/own-npm-1.0.0.tgz");
    expect(wheels()).toBeGreaterThan(byPip);
  });

  it("has opencode ask its model through the proxy", async () => {
    const at = { port, path: `/p/${NAME}` };
    const { id } = await callAt(at, projectApi.createSession());
    const nonce = randomUUID();
    expect(await exchange(at, id, `Say nonce:${nonce}`)).toContain(answerTo(`nonce:${nonce}`));
    expect(model.requests.some(({ prompt }) => prompt.includes(nonce))).toBe(true);
    expect(proxy.requests).toContain(`CONNECT ${NAMES.model}:443`);
  });

  it("has its agent commit, push and open a pull request in the name that the entry gives", async () => {
    const at = { port, path: `/p/${NAME}` };
    const { id } = await callAt(at, projectApi.createSession());
    const lines = [
      "git switch --quiet --create feature",
      "echo changed >change.txt",
      "git add change.txt",
      "git commit --quiet --message 'A change'",
      "git push --quiet origin feature",
      `gh pr create --repo ${NAMES.git}/${REPOSITORY} --head feature --base main --title 'A change' --body 'By the agent.'`,
    ];
    expect(await exchange(at, id, promptToRun(lines.join(" && ")))).toContain(`${REPOSITORY}/pull/1`);
    expect(forge.pulls).toEqual([
      {
        number: 1,
        login: "shop-agent",
        title: "A change",
        body: "By the agent.",
        head: "feature",
        base: "main",
      },
    ]);
    const who = "Shop agent <shop-agent@example.com>";
    expect(gitIn("log", "-1", "--format=%an <%ae>%n%cn <%ce>", "feature")).toBe(`${who}\n${who}`);
  });

  it("has curl and Node trust the company and use its proxy, without a flag", async () => {
    const url = `https://${NAMES.model}/v1/models`;
    expect(await inProject(`curl -fsS -o /dev/null -w '%{http_code}' ${url}`)).toBe("200");
    expect(await inProject(`node -e 'fetch("${url}").then(({ status }) => console.log(status))'`)).toBe(
      "200",
    );
  });

  it("reaches nothing beside the proxy", async () => {
    const direct = await startModel({ port: modelPort });
    try {
      const { code } = await shellIn(
        platform.container(NAME),
        `curl --noproxy '*' -sS -m 10 http://${host}:${modelPort}/v1/models`,
      );
      expect(code).not.toBe(0);
      expect(direct.requests).toEqual([]);
    } finally {
      await direct.close();
    }
  });

  it("has the registries' credentials in its own files alone", async () => {
    const { Image, ...container } = await docker.getContainer(platform.container(NAME)).inspect();
    const history = await docker.getImage(Image).history();
    const seen = JSON.stringify([container, history]) + (await inProject("env"));
    for (const canary of Object.values(CANARIES)) expect(seen).not.toContain(canary);
    expect(seen).toContain(`HTTPS_PROXY=http://${host}:${proxy.port}`);
    expect(JSON.stringify(history)).not.toContain(`:${proxy.port}`);
    expect(await inProject("stat -c '%a %U' /run/opencode/npmrc /run/opencode/netrc")).toBe(
      "440 root\n440 root",
    );
  });
});
