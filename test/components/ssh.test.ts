import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  hostKeyScript,
  releaseVolume,
  sshCommand,
  sshCommandAtBoot,
  waitUntilReady,
} from "../../components/host/ssh.ts";

const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKey";
const CODE = "feedface";
const proofOf = (key: string) => createHash("sha256").update(`${CODE} ${key}`).digest("hex");

let bin: string;
let temporary: string;

/** Puts a program on the PATH that the scripts run with. */
function program(name: string, script: string): void {
  const path = join(bin, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

/** An ssh that meets a host key, and whose other side answers with a proof. */
const meets = (key: string, proof: string) => `
for word in "$@"; do case "$word" in UserKnownHostsFile=*) known=\${word#UserKnownHostsFile=};; esac; done
[ -n "$known" ] && echo 'droplet ${key}' > "$known"
echo "$@" > '${bin}/asked'
echo '${proof}'`;

function run(script: string, input = "") {
  const env = { PATH: `${bin}:${process.env.PATH}`, TMPDIR: temporary };
  return spawnSync("sh", ["-c", script], { encoding: "utf8", input, env });
}

beforeAll(() => {
  bin = mkdtempSync(join(tmpdir(), "ssh-bin-"));
  temporary = mkdtempSync(join(tmpdir(), "ssh-tmp-"));
});
afterAll(() => {
  for (const directory of [bin, temporary]) rmSync(directory, { recursive: true });
});

describe("hostKeyScript", () => {
  const script = hostKeyScript({ address: "203.0.113.7", pairingCode: CODE });

  it("prints the host key that the droplet has proved, and leaves no key behind", () => {
    program("ssh", meets(HOST_KEY, proofOf(HOST_KEY)));
    const { status, stdout, stderr } = run(script, "PRIVATE KEY\n");
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: HOST_KEY, stderr: "" });
    expect(readdirSync(temporary)).toEqual([]);
  });

  it("refuses whoever answers for another key", () => {
    program("ssh", meets("ssh-ed25519 AAAAmitm", proofOf(HOST_KEY)));
    const { status, stdout, stderr } = run(script);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("What answers at 203.0.113.7 is not the droplet");
    expect(readdirSync(temporary)).toEqual([]);
  });

  it("gives up after ten minutes and says what ssh said", () => {
    program("ssh", "echo 'ssh: connect to host 203.0.113.7 port 22: Connection refused' >&2; exit 255");
    program("sleep", ":");
    // Each call of `date +%s` is a minute later.
    program("date", `echo . >> '${bin}/clock'; echo $(($(wc -l < '${bin}/clock') * 60))`);
    const { status, stderr } = run(script);
    for (const name of ["sleep", "date"]) rmSync(join(bin, name));
    expect(status).toBe(1);
    expect(stderr).toContain("did not answer by ssh within 10 minutes");
    expect(stderr).toContain("Connection refused");
  });

  it("goes through the tunnel where it is told to", () => {
    program("ssh", meets(HOST_KEY, proofOf(HOST_KEY)));
    const through = hostKeyScript({
      address: "203.0.113.7",
      pairingCode: CODE,
      tunnelHostname: "ssh-code.example.com",
    });
    expect(run(through).status).toBe(0);
    expect(through).toContain("root@ssh-code.example.com");
    expect(through).toContain("-o 'ProxyCommand=cloudflared access ssh --hostname %h'");
  });
});

describe("what runs on the droplet", () => {
  it("can be parsed by a shell", () => {
    for (const script of [waitUntilReady(), releaseVolume()])
      expect(spawnSync("sh", ["-n"], { input: script, encoding: "utf8" })).toMatchObject({ status: 0 });
  });

  it.each([
    ["cloud-init", "exit 1", "cloud-init ended with an error."],
    ["mountpoint", "exit 32", "The volume of the workspaces is not mounted at /workspaces."],
    ["docker", "exit 1", "Docker does not answer."],
  ])("says when %s is not as it should be, with the log's last lines", (name, script, sentence) => {
    for (const good of ["cloud-init", "mountpoint", "docker"]) program(good, ":");
    program("tail", "echo 'E: the log'");
    program(name, script);
    const { status, stderr } = run(waitUntilReady());
    for (const made of ["cloud-init", "mountpoint", "docker", "tail"]) rmSync(join(bin, made));
    expect(status).toBe(1);
    expect(stderr).toContain(sentence);
    expect(stderr).toContain("E: the log");
  });

  it("passes when cloud-init had something to remark (2)", () => {
    for (const good of ["mountpoint", "docker"]) program(good, ":");
    program("cloud-init", "exit 2");
    const { status, stderr } = run(waitUntilReady());
    for (const made of ["cloud-init", "mountpoint", "docker"]) rmSync(join(bin, made));
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });
});

describe("sshCommand", () => {
  it("hands a script over as one word, whatever is in it", () => {
    program("ssh", 'for last; do :; done; sh -c "$last"');
    const said = run(
      sshCommand({ configFile: ".runtime/prod/ssh/a/config", alias: "a" }, `printf '%s' "it's"`),
    );
    expect(said.stdout).toBe("it's");
  });
});

describe("a command for a droplet that boots", () => {
  /** Runs it with an ssh that ends with these codes, one after the other. */
  function run(codes: readonly number[]) {
    const folder = mkdtempSync(join(tmpdir(), "boot-"));
    writeFileSync(join(folder, "codes"), `${codes.join("\n")}\n`);
    const program = `#!/bin/sh
code=$(head -n 1 ${folder}/codes); sed -i 1d ${folder}/codes; echo "$*" >> ${folder}/asked; exit "$code"
`;
    for (const [name, text] of [
      ["ssh", program],
      ["sleep", "#!/bin/sh\n"],
    ] as const)
      writeFileSync(join(folder, name), text, { mode: 0o755 });
    const script = sshCommandAtBoot({ configFile: "config", alias: "drop" }, "echo it's up");
    const { status } = spawnSync("sh", ["-c", script], {
      env: { PATH: `${folder}:${process.env.PATH}` },
      encoding: "utf8",
    });
    const asked = readFileSync(join(folder, "asked"), "utf8").trim().split("\n");
    rmSync(folder, { recursive: true });
    return { status, asked };
  }

  it("is tried again while no connection is made", () => {
    expect(run([255, 255, 0])).toEqual({
      status: 0,
      asked: Array.from({ length: 3 }, () => "-F config drop -- echo it's up"),
    });
  });

  it("is tried once where the script fails, and not for ever", () => {
    expect(run([1, 0])).toMatchObject({ status: 1, asked: { length: 1 } });
    expect(run(Array.from({ length: 40 }, () => 255))).toMatchObject({ status: 255, asked: { length: 30 } });
  });
});
