/** devcontainer.json as an entry, with files of the kinds that repositories have. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { setupLines } from "../../config/devcontainer/commands.ts";
import { findDevcontainer } from "../../config/devcontainer/find.ts";
import { readDevcontainer } from "../../config/devcontainer/read.ts";
import { loadProjects } from "../../config/projects/load.ts";
import { complaints } from "../support/complaints.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

const FILE = ".devcontainer/devcontainer.json";
const read = (text: string, file = FILE) => readDevcontainer(text, file, "web-shop");
const refused = (text: string, file = FILE) => complaints(() => read(text, file));
const withImage = (keys: string) => `{ "image": "debian:13", ${keys} }`;

describe("what there is a key for", () => {
  it("an image, variables, ports, commands and requirements", () => {
    const { entry, isBuilt } = read(`// For format details, see https://aka.ms/devcontainer.json.
{
  "name": "Python 3",
  "image": "mcr.microsoft.com/devcontainers/python:1-3.13-bookworm",
  /* three ports */
  "forwardPorts": [8000, "localhost:5173", 9000],
  "portsAttributes": { "8000": { "label": "Web API" }, "9000": { "label": "!" }, "3000-3010": { "label": "x" } },
  "containerEnv": { "PYTHONUNBUFFERED": "1", "MODE": "container" },
  "remoteEnv": { "MODE": "remote", "SHOP": "\${localWorkspaceFolderBasename}", "LEVEL": "\${localEnv:LEVEL:debug}" },
  "hostRequirements": { "cpus": 4, "memory": "8gb" },
  "postCreateCommand": "pip install --user -r requirements.txt",
}`);
    expect(isBuilt).toBe(false);
    expect(entry).toEqual({
      image: "mcr.microsoft.com/devcontainers/python:1-3.13-bookworm",
      resources: { memory: "8GB", cpus: 4 },
      env: { PYTHONUNBUFFERED: "1", MODE: "remote", SHOP: "web-shop", LEVEL: "debug" },
      ports: [{ port: 8000, name: "web-api" }, 5173, 9000],
      setup: "pip install --user -r requirements.txt",
    });
    // It is an entry.
    const file = stringify({ projects: [{ name: "web-shop", ...entry }] });
    expect(loadProjects(file, { file: "projects.yaml", stack: "local" })[0]?.environment).toEqual({
      image: entry.image,
      packages: [],
    });
  });

  it("an image that has to be built, of a Dockerfile or with features", () => {
    const built = { entry: {}, isBuilt: true, left: [] };
    expect(
      read('{ "build": { "dockerfile": "Dockerfile", "context": "..", "args": { "VARIANT": "22" } } }'),
    ).toMatchObject(built);
    expect(read('{ "dockerFile": "../Dockerfile.dev", "context": ".." }')).toMatchObject(built);
    expect(
      read(withImage('"features": { "ghcr.io/devcontainers/features/go:1": { "version": "1.25" } }')),
    ).toMatchObject(built);
  });

  it("a path that leaves the repository is none of it", () => {
    expect(refused('{ "build": { "dockerfile": "Dockerfile", "context": "../.." } }')).toEqual([
      `${FILE}:1:53 build.context: "../.." is outside of the repository — write a path within it`,
    ]);
    expect(refused('{ "dockerFile": "/etc/Dockerfile" }')).toHaveLength(1);
    expect(refused('{ "dockerFile": "../Dockerfile" }', ".devcontainer.json")).toHaveLength(1);
  });
});

describe("what a project does not take", () => {
  it("is said, each with the reason", () => {
    const { entry, left } = read(
      withImage(`
  "remoteUser": "vscode",
  "workspaceMount": "source=\${localWorkspaceFolder},target=/go/src/x,type=bind",
  "containerEnv": { "HOME": "/root", "TOKEN": "\${localEnv:TOKEN}", "A-B": "1" },
  "remoteEnv": { "PATH": "\${containerEnv:PATH}:/x", "GONE": null, "TOOLS": "\${containerEnv:TOOLS}/x" },
  "mounts": [{ "source": "cargo-\${devcontainerId}", "target": "/usr/local/cargo", "type": "volume" }, "type=tmpfs,target=/scratch"],
  "forwardPorts": [4096, "db:5432", 1, 2, 3, 4, 5],
  "appPort": ["8080:3", "9000-9010:9000"],
  "hostRequirements": { "storage": "32gb", "gpu": "optional" },
  "postCreateCommand": "sudo apt-get install -y jq",
  "postAttachCommand": "x", "runArgs": ["--init"], "customizations": {}`),
    );
    expect(entry.ports).toEqual([1, 2, 3, 4]);
    expect(entry.env).toBeUndefined();
    expect(left).toEqual([
      expect.stringMatching(/^containerEnv\.HOME: /),
      "containerEnv.TOKEN: TOKEN is a variable of the machine that starts the container; put a value under env or secrets",
      "containerEnv.A-B: is no name of a variable",
      expect.stringMatching(/^remoteEnv\.PATH: set by the image/),
      expect.stringMatching(/^remoteEnv\.TOOLS: .* is a variable of the image/),
      "port 4096: is the platform's own",
      "port db:5432: is another container's",
      "port 9000-9010:9000: is another container's",
      "port 5: an entry has 4 ports at most",
      "sudo: nobody is root in a project: put what is installed so under packages",
      "hostRequirements.storage: projects share the host's disk",
      "mount /usr/local/cargo: what is in the home outlives the container, and nothing else",
      "mount /scratch: what is in the home outlives the container, and nothing else",
      "postAttachCommand: runs when an editor is attached",
      "remoteUser: a project has a user of its own",
      "workspaceMount: a project's workspace is /workspace",
    ]);
  });
});

describe("what would break a project's isolation", () => {
  it("is refused by its name and place, all of it at once", () => {
    expect(
      refused(`{
  "image": "debian:13",
  "privileged": true,
  "capAdd": ["SYS_PTRACE"],
  "securityOpt": ["seccomp=unconfined"],
  "runArgs": ["--init", "--network=host", "-v"],
  "mounts": [
    "source=/var/run/docker.sock,target=/var/run/docker.sock,type=bind",
    { "source": "\${localEnv:HOME}/.aws", "target": "/root/.aws" }
  ],
  "features": {
    "ghcr.io/devcontainers/features/docker-outside-of-docker:1": {},
    "ghcr.io/devcontainers/features/docker-in-docker@sha256:0a": {},
    "./docker-in-docker": {}
  },
  "initializeCommand": "make host",
  "build": { "options": ["--network=host"] },
  "hostRequirements": { "gpu": true, "memory": "much" }
}`).map((line) => line.slice(FILE.length + 1)),
    ).toEqual([
      "3:17 privileged: gives the container the host's rights, which no project has — remove it",
      "4:13 capAdd: gives the container rights that no project has — remove it",
      "5:18 securityOpt: lifts limits that hold for every project — remove it",
      '6:25 runArgs[1]: "--network=host" is an option for the host\'s Docker, which the platform sets itself — remove it',
      '6:43 runArgs[2]: "-v" is an option for the host\'s Docker, which the platform sets itself — remove it',
      '8:5 mounts[0]: "/var/run/docker.sock" is a folder of the host, which no project gets — remove it',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the file's own variable
      '9:5 mounts[1]: "${localEnv:HOME}/.aws" is a folder of the host, which no project gets — remove it',
      ...[
        '12:66 features["ghcr.io/devcontainers/features/docker-outside-of-docker:1"]',
        '13:66 features["ghcr.io/devcontainers/features/docker-in-docker@sha256:0a"]',
        '14:27 features["./docker-in-docker"]',
      ].map(
        (place) =>
          `${place}: gives the container a Docker of its own or the host's, and with it the host — remove it`,
      ),
      expect.stringMatching(
        /^16:24 initializeCommand: runs on the machine that starts the container, .*onCreateCommand$/,
      ),
      "17:25 build.options: are options for the host's Docker — remove them",
      '18:32 hostRequirements.gpu: is required, and a project has none — write "optional"',
      '18:48 hostRequirements.memory: "much" is not a size (e.g. 8gb)',
    ]);
  });

  it("is refused where several containers are started, without asking for an image", () => {
    expect(refused('{ "dockerComposeFile": "docker-compose.yml", "service": "rails" }')).toEqual([
      expect.stringContaining("dockerComposeFile: starts several containers, and a project is one"),
    ]);
  });

  it("is nothing that is switched off or empty", () => {
    const off = '"privileged": false, "capAdd": [], "mounts": [], "runArgs": [], "initializeCommand": ""';
    expect(refused(withImage(off))).toEqual([]);
  });

  it("is in the platform's own file, which wants a Docker", () => {
    const own = readFileSync(join(import.meta.dirname, "../..", FILE), "utf8");
    expect(refused(own)).toEqual([expect.stringContaining("docker-in-docker")]);
  });
});

it.each([
  ["{", `${FILE}:1:2: is no JSON: close brace expected`],
  ["[]", `${FILE}:1:1: is not a map ({ "image": … })`],
  ["", `${FILE}:1:1: is no JSON: value expected`],
  ["{}", `${FILE}:1:1 image: is missing: write an image, or build: { dockerfile }`],
  ['{\n "image": "Not One"}', `${FILE}:2:11 image: "Not One" is not an image reference`],
  ['{ "image": "a", "forwardPorts": 3000 }', `${FILE}:1:33 forwardPorts: 3000 is not a list: write [3000]`],
  [
    '{ "image": "a", "postCreateCommand": 1 }',
    `${FILE}:1:38 postCreateCommand: is not a command: text, a list of texts, or a map of them`,
  ],
])("a mistake is said with its place: %s", (text, message) => expect(refused(text)).toEqual([message]));

describe("commands as lines of bash", () => {
  let folder: string | undefined;
  afterEach(() => removeFolder(folder ?? ""));
  const run = (...commands: Parameters<typeof setupLines>[0]) => {
    folder = temporaryFolder();
    return execFileSync("bash", ["-eo", "pipefail", "-c", setupLines(commands)], {
      cwd: folder,
      encoding: "utf8",
    });
  };

  it("one is as it is written", () => {
    expect(setupLines([" npm ci "])).toBe("npm ci");
    expect(setupLines(["", [], {}])).toBe("");
  });

  it("several run one after the other, each where the first began, and arguments are no shell's", () => {
    expect(
      run("mkdir sub && cd sub && pwd | sed 's|.*/||'", ["printf", "%s\n", "$HOME *"], "ls\necho end"),
    ).toBe("sub\n$HOME *\nsub\nend\n");
  });

  it("those with names run at the same time, and one that fails fails all", () => {
    // Each waits for the other.
    const both = { a: "mkfifo ab; cat ab", b: "until [ -p ab ]; do sleep 0.1; done; echo met >ab" };
    expect(run(both, "echo after")).toBe("met\nafter\n");
    expect(() => run({ a: "true", b: ["false"] }, "touch never")).toThrow();
  });

  it.each<[string, Parameters<typeof setupLines>[0], string]>([
    ["a comment at its end", ["echo a # install", "echo b"], "a\nb\n"],
    ["a backslash at its end", ["echo a \\", "echo b"], "a\nb\n"],
    ["a comment or a backslash in a map", [{ a: "echo a # c", b: "echo a \\" }, "echo b"], "a\na\nb\n"],
    [
      "nothing but comments",
      ["# none yet\n\n  # but soon", { a: "# c", b: "# d" }, "echo a", "echo b"],
      "a\nb\n",
    ],
    ["a document", ["cat <<E\na\nE", "echo b"], "a\nb\n"],
  ])("one with %s is still bash", (_title, commands, output) => {
    execFileSync("bash", ["-n", "-c", setupLines(commands)]);
    expect(run(...commands)).toBe(output);
  });
});

describe("where the file is", () => {
  let repository = "";
  afterEach(() => removeFolder(repository));
  const found = (...paths: string[]) => {
    repository = temporaryFolder();
    for (const path of paths) {
      mkdirSync(dirname(join(repository, path)), { recursive: true });
      writeFileSync(join(repository, path), "{}");
    }
    return complaints(() => expect.soft(findDevcontainer(repository)).toBe(paths[0]));
  };

  it("is one of the specification's places, and asked for where there are several", () => {
    expect(found(FILE, ".devcontainer/go/devcontainer.json", ".devcontainer.json")).toEqual([]);
    expect(found(".devcontainer.json")).toEqual([]);
    expect(found(".devcontainer/go/devcontainer.json", ".devcontainer/Dockerfile")).toEqual([]);
    expect(found(".devcontainer/go/devcontainer.json", ".devcontainer/js/devcontainer.json")).toEqual([
      expect.stringContaining(
        "has several: .devcontainer/go/devcontainer.json, .devcontainer/js/devcontainer.json",
      ),
    ]);
    expect(found()).toEqual([expect.stringContaining("has no .devcontainer/devcontainer.json")]);
  });
});
