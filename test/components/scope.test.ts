/** The outputs of an update of all projects, and of one alone. */
import * as pulumi from "@pulumi/pulumi";
import { afterEach, expect, it, vi } from "vitest";
import type { Platform } from "../../components/program/load.ts";
import { updateScope } from "../../components/program/scope.ts";
import { projectAccess } from "../../components/project/access.ts";
import type { OpencodeProject } from "../../components/project/project.ts";
import { makeNames } from "../../config/naming/names.ts";
import { localUrls } from "../../config/naming/urls.ts";
import { loadProjects } from "../../config/projects/load.ts";
import { ONLY_VARIABLE } from "../../config/stack/only.ts";

/** What the last update has written down. */
let last: Record<string, unknown> = {};
const mocks: pulumi.runtime.Mocks = {
  newResource: ({ name, inputs }) => ({ id: name, state: inputs as object }),
  call: () => ({ outputs: last }),
};
await pulumi.runtime.setMocks(mocks, "opencode-platform", "local", false, "organization");
afterEach(() => vi.unstubAllEnvs());

const ssh = "git: { auth: ssh }, repo: 'git@github.com:a/b.git'";

function platformOf(...entries: string[]): Platform {
  const text = `projects:\n${entries.map((entry) => `  - { ${entry} }\n`).join("")}`;
  return {
    names: makeNames("opencode"),
    urls: localUrls({ port: 4080, localDomain: "localhost" }),
    entries: loadProjects(text, { file: "projects.yaml", stack: "local" }),
    settings: {},
    passwordRotationOf: () => "",
    packagesOf: () => "",
  } as unknown as Platform;
}

const resolved = <T>(output: pulumi.Output<T>): Promise<unknown> =>
  new Promise((resolve) => output.apply(resolve));

/** The stack's outputs, where each declared project with a deploy key has a new one. */
async function outputsOf(platform: Platform): Promise<Record<"projects" | "applied", unknown>> {
  const { declared, outputs } = await updateScope(platform, "/checkout");
  const made = declared.map((project) => {
    const key = project.git.auth === "ssh" ? pulumi.output(`key of ${project.name}`) : undefined;
    return { name: project.name, access: projectAccess(platform, project, key) } as OpencodeProject;
  });
  const { projects, applied } = outputs(made);
  return { projects: await resolved(projects), applied: await resolved(applied) };
}

it("keeps the other projects' deploy keys in an update of one, and drops one that is no longer declared", async () => {
  last = await outputsOf(platformOf(`name: web, ${ssh}`, `name: shop, ${ssh}`));
  expect(last.projects).toMatchObject({
    web: { deployKey: "key of web" },
    shop: { deployKey: "key of shop" },
  });
  vi.stubEnv(ONLY_VARIABLE, "web");
  const changed = platformOf("name: web", `name: shop, ${ssh}`);
  const alone = await outputsOf(changed);
  vi.unstubAllEnvs();
  expect(alone.projects).toMatchObject({ shop: { deployKey: "key of shop" } });
  expect((alone.projects as Record<string, object>).web).not.toHaveProperty("deployKey");
  // What a whole update writes down: it finds nothing to change.
  expect(alone).toEqual(await outputsOf(changed));
});

it("refuses an update of one project where another has changed", async () => {
  last = await outputsOf(platformOf("name: web", "name: shop"));
  vi.stubEnv(ONLY_VARIABLE, "web");
  await expect(
    updateScope(platformOf("name: web", "name: shop, state: stopped"), "/checkout"),
  ).rejects.toThrow(/shop has changed too/);
});

it("knows another bundle of certificates and another value of a registry's secret", async () => {
  const applied = async (pem: string, token: string) => {
    pulumi.runtime.setAllConfig({ "secrets:NPM_TOKEN": token });
    const settings = {
      caBundle: { path: "ca.pem", pem },
      registries: { npm: { url: "https://npm.corp", secret: "NPM_TOKEN", scopes: [] } },
    };
    const outputs = await outputsOf({ ...platformOf("name: web"), settings } as unknown as Platform);
    return JSON.parse(String(outputs.applied)) as { platform: string; projects: { web: string } };
  };
  const [before, otherBundle, otherToken] = [
    await applied("one", "a"),
    await applied("two", "a"),
    await applied("one", "b"),
  ];
  pulumi.runtime.setAllConfig({});
  expect(otherBundle.platform).not.toBe(before.platform);
  expect(otherBundle.projects).toEqual(before.projects);
  expect(otherToken.platform).toBe(before.platform);
  expect(otherToken.projects.web).not.toBe(before.projects.web);
});
