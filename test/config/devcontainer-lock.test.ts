/** What was written down of a devcontainer.json, and what a project has by it. */
import { describe, expect, it } from "vitest";
import { parseLock, renderLock } from "../../config/devcontainer/lock.ts";
import { readMerged, readPrinted } from "../../config/devcontainer/merged.ts";
import { type DevcontainerEntry, readDevcontainer } from "../../config/devcontainer/read.ts";
import { environmentKey } from "../../config/projects/environment.ts";
import { type LoadOptions, loadProjects } from "../../config/projects/load.ts";
import type { Project } from "../../config/projects/project.ts";
import { complaints } from "../support/complaints.ts";

const REPO = "https://github.com/acme/api";
const FILE = ".devcontainer/devcontainer.json";
const asked = { repo: REPO, devcontainer: true } as const;
const lock = (entry: DevcontainerEntry, built?: string) =>
  renderLock(asked, {
    commit: "a".repeat(40),
    file: FILE,
    digest: `sha256:${"b".repeat(64)}`,
    built,
    entry,
  });

const load = (keys: string, lockText: string | undefined, options: Partial<LoadOptions> = {}): Project => {
  const text = `defaults: { image: "debian:13", env: { A: d, B: d, C: d } }\nprojects:\n  - { name: web, repo: "${REPO}", trust: always, devcontainer: true${keys} }\n`;
  const [project] = loadProjects(text, {
    file: "projects.yaml",
    stack: "local",
    lockOf: () => lockText,
    ...options,
  });
  if (!project) throw new Error("no project");
  return project;
};

describe("a project on a devcontainer.json", () => {
  const entry: DevcontainerEntry = {
    env: { B: "lock", C: "lock", TOKEN: "lock" },
    ports: [3000, { port: 8080, name: "admin" }],
    setup: "cd web\nnpm ci",
    resources: { memory: "1GiB", cpus: 1 },
  };

  it("has what was written down of it, and the entry's own keys count first", () => {
    const project = load(", env: { C: entry }, secrets: [TOKEN], setup: make", lock(entry, "0123456789ab"));
    expect(project.environment).toEqual({ built: "web:0123456789ab", packages: [] });
    expect(project.env).toEqual({ A: "d", B: "lock", C: "entry" });
    expect(project.ports.map(({ label }) => label)).toEqual(["3000", "admin"]);
    expect(project.setup).toBe("(\ncd web\nnpm ci\n)\nmake");
    expect(load(", ports: [9000]", lock(entry, "0123456789ab")).ports).toEqual([
      { port: 9000, label: "9000" },
    ]);
    expect(load("", lock(entry, "0123456789ab")).setup).toBe("cd web\nnpm ci");
  });

  it("has the image that it names where nothing has to be built, and not that of defaults", () => {
    expect(load(", packages: [jq]", lock({ image: "golang:1.25" })).environment).toEqual({
      image: "golang:1.25",
      packages: ["jq"],
    });
  });

  it("has an image of its own for each thing that it is built of", () => {
    const key = (built: string) => environmentKey(load("", lock({}, built)).environment, "node:22");
    expect(key("0123456789ab")).not.toBe(key("0123456789ac"));
    expect(key("0123456789ab")).not.toBe("");
  });

  it("is read without what was written down while that is found out", () => {
    const project = load("", undefined, { isResolving: true });
    expect(project.devcontainer).toEqual({ asked: true, repo: REPO });
  });
});

it.each([
  ["a variable of the platform's own", { env: { PATH: "/x" } }, "is broken at env.PATH"],
  ["the platform's own port", { ports: [4096] }, "is broken at ports[0]"],
  ["what it does not know", { privileged: true }, "is broken at its start"],
])("a lock with %s is refused", (_title, more, mistake) => {
  const text = JSON.stringify({ ...JSON.parse(lock({}, "0123456789ab")), ...more });
  expect(parseLock(text)).toMatchObject({ mistake });
});

describe("with what an image and features say besides", () => {
  const text = `{ "build": { "dockerfile": "Dockerfile" }, "features": { "./go": {} },
    "containerEnv": { "AT": "\${containerWorkspaceFolder}" }, "postCreateCommand": "make \${localWorkspaceFolderBasename}", "forwardPorts": [3000] }`;
  const own = readDevcontainer(text, FILE, "api");
  const printed = (merged: object, features: object[] = []) =>
    readPrinted(
      `[log]\n${JSON.stringify({ mergedConfiguration: merged, featuresConfiguration: { featureSets: features } })}\n`,
    );
  const merged = (more: object) => readMerged(own, printed(more), FILE, "api");

  it("their commands come first, and the file's own are as it has them", () => {
    const { entry } = merged({
      containerEnv: { AT: "/workspaces/clone-8271" },
      onCreateCommands: ["echo image"],
      postCreateCommands: [["echo", "a feature"], "make clone-8271"],
      postStartCommands: ["greet start"],
      forwardPorts: [3000, 5432],
      hostRequirements: { memory: "2147483648", cpus: 2 },
    });
    expect(entry).toEqual({
      env: { AT: "/workspace" },
      ports: [3000, 5432],
      setup: "(\necho image\n)\n(\n'echo' 'a feature'\n)\n(\nmake api\n)",
      start: "greet start",
      resources: { memory: "2GiB", cpus: 2 },
    });
  });

  it("what would reach the host is refused, with where it comes from", () => {
    expect(
      complaints(() =>
        merged({
          privileged: true,
          capAdd: ["SYS_PTRACE"],
          securityOpt: ["seccomp=unconfined"],
          mounts: [
            { type: "volume", source: "dind", target: "/var/lib/docker" },
            { type: "bind", source: "/var/run/docker.sock", target: "/var/run/docker.sock" },
          ],
        }),
      ).map((line) => line.split(" — ")[0]),
    ).toEqual([
      `${FILE}, its image and its features: privileged: gives the container the host's rights, which no project has`,
      `${FILE}, its image and its features: capAdd: gives the container rights that no project has`,
      `${FILE}, its image and its features: securityOpt: lifts limits that hold for every project`,
      `${FILE}, its image and its features: mounts[1]: "/var/run/docker.sock" is a folder of the host, which no project gets`,
    ]);
  });

  it("what a project does not take is named", () => {
    const { entry, left } = merged({
      entrypoints: ["/usr/local/share/init.sh"],
      containerEnv: { AT: "/workspaces/clone-8271", CLONE: "/workspaces/clone-8271" },
      remoteEnv: { GOPATH: "/go" },
    });
    expect(entry.env).toEqual({ AT: "/workspace" });
    expect(left).toEqual([
      "entrypoint /usr/local/share/init.sh of a feature: a project has one of its own",
      "containerEnv.CLONE of the image: put it under env",
      "remoteEnv.GOPATH of the image: put it under env",
    ]);
  });

  it("a feature is known by its digest, or as a folder of the repository", () => {
    const { features } = printed({}, [
      {
        sourceInformation: { userFeatureId: "ghcr.io/a/go:1", manifestDigest: "sha256:1" },
        features: [{ value: { v: 1 } }],
      },
      {
        sourceInformation: { userFeatureId: "./go", resolvedFilePath: "/tmp/clone-8271/go" },
        features: [{ value: {} }],
      },
    ]);
    expect(features).toEqual(['["ghcr.io/a/go:1","sha256:1",[{"v":1}]]', '["./go","",[{}]]']);
  });

  it("nothing printed is an error of the environment", () => {
    expect(complaints(() => readPrinted("Error: no network"))).toEqual([
      "devcontainer: has printed no configuration",
    ]);
  });
});
