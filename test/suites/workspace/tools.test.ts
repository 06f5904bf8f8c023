/** What people install for themselves in a project: without root, in the home, and found by every shell and by what the agent runs. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, health, shellIn } from "../../support/docker.ts";
import { projectApi } from "../../support/opencode.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { waitFor } from "../../support/wait.ts";

const platform = new Platform();
const NAME = `t${projectApi.major}-tools`;
const inProject = async (command: string) => {
  const { code, output } = await shellIn(platform.container(NAME), command);
  expect(code, output).toBe(0);
  return output.trim();
};

beforeAll(async () => {
  await platform.apply([...platform.baseline(), { name: NAME, timezone: "Asia/Kolkata" }]);
  await answering(platform, NAME);
});
afterAll(() => platform.reset());

/** A package with a program of one line, for npm and for pip, made where no registry is asked. */
const NPM = `mkdir -p ~/npm && cd ~/npm && printf '{"name":"own-npm","version":"1.0.0","bin":{"own-npm":"x.js"}}' >package.json &&
printf '#!/usr/bin/env node\\nconsole.log("own npm")\\n' >x.js && chmod +x x.js && npm install --global --offline ~/npm`;
const PIP = `mkdir -p ~/py/own_py && cd ~/py && echo 'def main(): print("own py")' >own_py/__init__.py &&
printf '[build-system]\\nrequires=["setuptools"]\\nbuild-backend="setuptools.build_meta"\\n[project]\\nname="own-py"\\nversion="1"\\n[project.scripts]\\nown-py="own_py:main"\\n[tool.setuptools]\\npackages=["own_py"]\\n' >pyproject.toml &&
pip install --no-index --no-build-isolation ~/py`;

describe("a person's own tools", () => {
  beforeAll(async () => {
    await inProject(NPM);
    await inProject(PIP);
    await inProject(`echo 'export OWN=mine; PATH="$PATH:/opt/own"' >~/.bashrc`);
  });

  it.each(["sh -c", "bash -c", "bash -lc", "bash -ic", "bash -lic", "sh -lc"])(
    "are found by %s",
    async (shell) => {
      expect(await inProject(`${shell} 'own-npm; own-py' 2>/dev/null`)).toBe("own npm\nown py");
    },
  );

  it("are found by what opencode runs, before the image's own", async () => {
    const path = await inProject(
      "tr '\\0' '\\n' </proc/$(pgrep -xo opencode)/environ | sed -n 's/^PATH=//p'",
    );
    expect(path.split(":").slice(0, 3)).toEqual(
      [".local/bin", "go/bin", ".cargo/bin"].map((folder) => `/home/opencode/${folder}`),
    );
  });

  it("go there with pipx and uv as well", async () => {
    expect(await inProject("uv tool dir --bin")).toBe("/home/opencode/.local/bin");
    expect(await inProject("pipx environment 2>/dev/null")).toContain(
      "PIPX_BIN_DIR=/home/opencode/.local/bin",
    );
  });

  it("a terminal reads the person's .bashrc", async () => {
    expect(await inProject("bash -lic 'echo $OWN $PATH' 2>/dev/null")).toMatch(/^mine .*:\/opt\/own$/);
  });

  it("break neither the health check nor the next start", async () => {
    const programs = ["curl", "cat", "jq", "git", "node", "opencode"].map((name) => `~/.local/bin/${name}`);
    const plant = "printf '#!/bin/bash\\nexit 1\\n'";
    await inProject(`for file in ${programs.join(" ")}; do ${plant} >$file && chmod +x $file; done`);
    await inProject("/usr/local/lib/opencode-platform/health");
    await docker.getContainer(platform.container(NAME)).restart({ t: 2 });
    await waitFor("the next start", async () => {
      const seen = await health(platform.container(NAME));
      return seen.status === "healthy" ? { done: true } : { seen };
    });
    expect((await health(platform.container(NAME))).line).toMatch(/^serving; /);
  });
});

it("the image has what people and MCP servers expect", async () => {
  const programs =
    "cc g++ make gh git-lfs nano npx pip pipx psql python3 rsync sqlite3 tmux unzip uv uvx vi zip";
  expect(
    await inProject(
      `/bin/bash -c 'for name in ${programs}; do type -P $name >/dev/null || echo $name; done'`,
    ),
  ).toBe("");
  expect(await inProject("python3 -m venv /tmp/venv && /tmp/venv/bin/python -c 'print(1)'")).toBe("1");
  expect(await inProject("echo $LANG; date +%Z")).toBe("C.UTF-8\nIST");
});
