/** The scripts of the image's build, in a folder that is the image's root: what they refuse, and what they ask apt and dnf for. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildRefusal } from "../../operate/engine/update-errors.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

const BUILD = join(import.meta.dirname, "../../opencode/build");
const LOADER = "/lib64/ld-linux-x86-64.so.2";
let root: string;

beforeEach(() => {
  root = temporaryFolder();
  put("/opt/opencode-platform/build/loader", `${LOADER}\n`);
  put("/opt/opencode-platform/bin/node", "#!/bin/sh\n");
});
afterEach(() => removeFolder(root));

function put(path: string, text = ""): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text, { mode: 0o755 });
}

/** A program of the image that notes how it is called, before it does what a test says. */
const program = (path: string, does = "") =>
  put(path, `#!/bin/sh\necho "\${0##*/} $*" >>${root}/calls\n${does}\n`);

/** Runs a script with the image's paths below the folder. */
function run(script: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const text = readFileSync(join(BUILD, script), "utf8").replace(
    /(?<=[\s<"])\/(?=(opt|etc|lib|lib64|bin|usr\/bin|var)\/)/g,
    `${root}/`,
  );
  put("/script", text.replaceAll(LOADER, `${root}${LOADER}`));
  put("/opt/opencode-platform/build/loader", `${root}${LOADER}\n`);
  const { status, stdout, stderr } = spawnSync("/bin/sh", [join(root, "script"), ...args], {
    encoding: "utf8",
    env: { PATH: `${root}/usr/bin:/usr/bin:/bin`, BASE_IMAGE: "some:1", ...env },
  });
  return { status, said: buildRefusal(stdout), output: stdout + stderr };
}

const calls = () => {
  const text = readFileSync(join(root, "calls"), "utf8");
  return text.split("\n").filter(Boolean);
};

describe("the first look at an image", () => {
  const USE = "use an image that is based on Debian, Ubuntu or Fedora";

  it.each(["/usr/bin/apt-get", "/usr/bin/dnf", "/usr/bin/microdnf"])("takes one with %s", (manager) => {
    for (const path of [LOADER, "/bin/sh", manager]) put(path);
    expect(run("base")).toEqual({ status: 0, said: undefined, output: "" });
  });

  it.each([
    ["no glibc", ["/lib/ld-musl-x86_64.so.1", "/bin/sh"], "has no glibc, which opencode needs"],
    [
      "another processor's",
      ["/lib/ld-linux-aarch64.so.1", "/bin/sh"],
      "is for another processor than this machine's",
    ],
    ["no shell", [LOADER], "has no shell, and no way to install what the platform needs"],
    [
      "no way to install packages",
      [LOADER, "/bin/sh"],
      "has neither apt nor dnf, with which the platform installs what it needs",
    ],
  ])("refuses one with %s in a sentence", (_title, paths, what) => {
    for (const path of paths) put(path);
    expect(run("base")).toMatchObject({ status: 1, said: `some:1 ${what}: ${USE}` });
  });
});

describe("packages with apt", () => {
  beforeEach(() => {
    program("/usr/bin/apt-get", '[ "$1 $4" != "install nosuch" ] || exit 100');
    program("/usr/bin/apt-cache", '[ "$2" != glab ]');
    put("/etc/os-release", 'PRETTY_NAME="Debian 12"\n');
  });
  const installed = () => calls().filter((call) => call.startsWith("apt-get install -y"));

  it("are what the platform needs, and the tools; of an entry's own image those that the release has", () => {
    expect(run("packages", ["system"])).toMatchObject({ status: 0 });
    expect(installed()).toEqual([
      expect.stringMatching(
        /^apt-get install -y --no-install-recommends bash .* nftables btrfs-progs restic build-essential .* zip$/,
      ),
    ]);
    expect(installed().join()).not.toContain("glab");
    program("/usr/bin/apt-cache", '[ "$2" != pipx ]');
    run("packages", ["system"], { OWN_IMAGE: "1" });
    expect(installed()[1]).toMatch(/ nano postgresql-client .* zip glab$/);
  });

  it("are without the tools in a slim image, and without nftables and btrfs in an entry's own", () => {
    run("packages", ["system"], { SLIM: "1", OWN_IMAGE: "1" });
    expect(installed()).toEqual([expect.stringMatching(/ curl git jq .* unzip$/)]);
    expect(installed().join()).not.toMatch(/nftables|btrfs|build-essential/);
  });

  it("of an entry are installed, and one that is not there is named", () => {
    run("packages", ["extra"], { EXTRA_PACKAGES: "golang php-cli" });
    expect(installed()).toEqual(["apt-get install -y --no-install-recommends golang php-cli"]);
    rmSync(join(root, "calls"));
    expect(run("packages", ["extra"], { EXTRA_PACKAGES: "golang nosuch" })).toMatchObject({
      status: 1,
      said: "packages: some:1 (Debian 12) has no package nosuch: correct the name, or remove it",
    });
    expect(installed()).toEqual([]);
    expect(run("packages", ["extra"])).toEqual({ status: 0, said: undefined, output: "" });
  });

  it("an image whose glibc is too old for the platform's Node is refused", () => {
    put("/opt/opencode-platform/bin/node", "#!/bin/sh\nexit 1\n");
    expect(run("packages", ["system"])).toMatchObject({
      status: 1,
      said: "some:1 is too old for the platform's Node: use a newer release of its distribution",
    });
  });
});

describe.each(["dnf", "microdnf"])("packages with %s", (manager) => {
  beforeEach(() =>
    program(`/usr/bin/${manager}`, `case "$*" in *repoquery*nosuch*) ;; *repoquery*) echo found ;; esac`),
  );
  const installed = () => calls().filter((call) => call.includes(" install "));

  it("are those whose programs are missing, and the tools", () => {
    for (const name of ["curl", "jq", "useradd"]) program(`/usr/bin/${name}`);
    expect(run("packages", ["system"])).toMatchObject({ status: 0 });
    const [needed = "", tools] = installed();
    expect(needed).toMatch(/ -y --setopt=install_weak_deps=\w+ ca-certificates libstdc\+\+/);
    expect(needed).not.toMatch(/ (curl|jq|shadow-utils)( |$)/);
    expect(tools).toMatch(/ gcc gcc-c\+\+ .* ripgrep .* zip$/);
  });

  it("of an entry are installed, and one that is not there is named", () => {
    run("packages", ["extra"], { EXTRA_PACKAGES: "golang python3-PyYAML" });
    expect(installed()).toEqual([expect.stringMatching(/ golang python3-PyYAML$/)]);
    expect(run("packages", ["extra"], { EXTRA_PACKAGES: "nosuch" }).said).toBe(
      "packages: some:1 has no package nosuch: correct the name, or remove it",
    );
  });
});
