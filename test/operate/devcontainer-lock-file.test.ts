/** Stacks whose projects are of different repositories, each with its own lock. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { renderLock } from "../../config/devcontainer/lock.ts";
import { readProjectsFile } from "../../config/projects/load.ts";
import { writeLock } from "../../operate/devcontainer/lock-file.ts";
import { complaints } from "../support/complaints.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

let root = "";
beforeEach(() => {
  root = temporaryFolder();
});
afterEach(() => removeFolder(root));

const REPO = "https://github.com/acme/web";
const file = (name: string) => join(root, name);
const projects = (keys: string, name = "projects.yaml") =>
  writeFileSync(file(name), `projects: [{ name: web${keys} }]\n`);
const read = (stack: string) => readProjectsFile(file("projects.yaml"), { stack }).projects[0]?.devcontainer;
/** What `npm run devcontainer` does, with the stack's name as the image's. */
function look(stack: string): string {
  const path = file("projects.yaml");
  const [project] = readProjectsFile(path, { stack, isResolving: true }).projects;
  if (!project?.devcontainer) throw new Error("no devcontainer");
  const { repo, asked: devcontainer } = project.devcontainer;
  const asked = { repo, branch: project.repo?.branch, devcontainer };
  const text = renderLock(asked, {
    commit: "a".repeat(40),
    file: ".devcontainer.json",
    digest: `sha256:${"b".repeat(64)}`,
    entry: { image: `debian:${stack}` },
  });
  return writeLock(root, stack, "web", asked, text);
}

it.each([
  ["branch", ", branch: next"],
  ["repository", ', repo: "https://github.com/acme/next"'],
  ["file", ", devcontainer: .devcontainer/next/devcontainer.json"],
])("a stack with another %s has a lock of its own, and neither makes the other stale", (_title, keys) => {
  projects(`, repo: "${REPO}", trust: always, devcontainer: true`);
  projects(keys, "projects.prod.yaml");
  expect(["prod", "local", "staging", "prod"].map(look)).toEqual([
    "devcontainers/web.prod.json",
    "devcontainers/web.json",
    "devcontainers/web.json",
    "devcontainers/web.prod.json",
  ]);
  expect(read("prod")?.lock?.image).toBe("debian:prod");
  expect(read("local")?.lock?.image).toBe("debian:staging");
});

it("is what messages name, and is removed once projects.yaml says the same", () => {
  projects(`, repo: "${REPO}", trust: always, devcontainer: true`);
  projects(", branch: next", "projects.prod.yaml");
  look("prod");
  projects("", "projects.prod.yaml");
  expect(complaints(() => read("prod"))).toEqual([
    "projects.yaml:1:91 projects[0].devcontainer: devcontainers/web.prod.json is of branch: next — npm run devcontainer -- web --stack prod",
  ]);
  expect(look("prod")).toBe("devcontainers/web.json");
  expect(existsSync(file("devcontainers/web.prod.json"))).toBe(false);
  expect(read("prod")?.lock?.image).toBe("debian:prod");
});

it("another repository of the entry itself is written to the file that is there", () => {
  projects(`, repo: "${REPO}", trust: always, devcontainer: true`);
  mkdirSync(file("devcontainers"));
  look("local");
  projects(`, repo: "${REPO}", branch: next, trust: always, devcontainer: true`);
  expect(look("local")).toBe("devcontainers/web.json");
  expect(readFileSync(file("devcontainers/web.json"), "utf8")).toContain('"branch": "next"');
});
