/** The pure parts of the stand-ins random, tls, command and the language host, and of their installation. */
import { execFileSync } from "node:child_process";
import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { utils } from "ssh2";
import { afterAll, describe, expect, test } from "vitest";
import { STAND_IN_HOST_VARIABLE } from "../../../config/stack/stand-ins.ts";
import { command, diff } from "../../../lab/plugins/command/local.ts";
import { argvOf, environmentOf as commandEnvironment, run } from "../../../lab/plugins/command/run.ts";
import { install, shim } from "../../../lab/plugins/install.ts";
import { packagesOf } from "../../../lab/plugins/language-nodejs/packages.ts";
import {
  argumentsOf,
  configOf,
  environmentOf,
  resultOf,
} from "../../../lab/plugins/language-nodejs/program.ts";
import { formsOf as idForms } from "../../../lab/plugins/random/id.ts";
import { generate, password, validate } from "../../../lab/plugins/random/password.ts";
import type { Context } from "../../../lab/plugins/shared/resource.ts";
import { pack } from "../../../lab/plugins/shared/tar.ts";
import { Secret, UNKNOWN } from "../../../lab/plugins/shared/values.ts";
import { formsOf, makePair } from "../../../lab/plugins/tls/privateKey.ts";

const folder = mkdtempSync(join(tmpdir(), "plugins-small-"));
afterAll(() => rmSync(folder, { recursive: true }));

function context(signal = new AbortController().signal): Context & { lines: string[] } {
  const lines: string[] = [];
  return { urn: "u", name: "n", signal, lines, log: (line) => lines.push(line), status: () => {} };
}

describe("a password", () => {
  test("has its length, only the allowed classes and the minimum of each", () => {
    const least = fc.integer({ min: 0, max: 4 });
    fc.assert(
      fc.property(
        fc.integer({ min: 16, max: 64 }),
        least,
        least,
        fc.boolean(),
        (length, minUpper, minNumeric, special) => {
          const result = generate({ length, minUpper, minNumeric, special });
          expect(result).toHaveLength(length);
          expect(result.match(/[A-Z]/g)?.length ?? 0).toBeGreaterThanOrEqual(minUpper);
          expect(result.match(/[0-9]/g)?.length ?? 0).toBeGreaterThanOrEqual(minNumeric);
          if (!special) expect(result).toMatch(/^[A-Za-z0-9]*$/);
        },
      ),
    );
  });

  test("uses the given special characters", () => {
    const inputs = { length: 40, lower: false, upper: false, numeric: false, overrideSpecial: "_-" };
    expect(generate(inputs)).toMatch(/^[_-]{40}$/);
  });

  test.each([
    [{ length: 0 }, "length"],
    [{ length: 3, minLower: 2, minUpper: 2 }, "length"],
    [{ length: 9, lower: false, upper: false, numeric: false, special: false }, "special"],
  ])("can't be %j", (inputs, property) => {
    expect(validate(inputs).map((failure) => failure.property)).toEqual([property]);
  });

  test("is secret, stable, and replaced when a keeper changes", async () => {
    const inputs = { length: 20, keepers: { turn: "1" } };
    const { id, state } = await password.create(inputs, context());
    expect(state.result).toBeInstanceOf(Secret);
    expect((await password.read(id, inputs, state, context()))?.state).toEqual(state);
    const request = { id, oldInputs: inputs, state, ignore: [] };
    expect((await password.diff({ ...request, news: inputs })).changes).toEqual([]);
    const [change] = (await password.diff({ ...request, news: { ...inputs, keepers: { turn: "2" } } }))
      .changes;
    expect(change).toMatchObject({ property: "keepers", replace: true });
    expect(password.previewCreate(inputs).result).toBe(UNKNOWN);
  });
});

describe("a key pair", () => {
  test.each([
    [{ algorithm: "ED25519" }, "ssh-ed25519 "],
    [{ algorithm: "RSA", rsaBits: 2048 }, "ssh-rsa "],
    [{ algorithm: "ECDSA", ecdsaCurve: "P384" }, "ecdsa-sha2-nistp384 "],
  ])("%j is readable for OpenSSH and OpenSSL", async (inputs, prefix) => {
    const { privateKey, publicKey } = await makePair(inputs);
    const forms = formsOf(inputs, privateKey, publicKey);
    const parsed = utils.parseKey(String(forms.privateKeyOpenssh));
    if (parsed instanceof Error) throw parsed;
    const blob = parsed.getPublicSSH().toString("base64");
    expect(forms.publicKeyOpenssh).toBe(`${prefix}${blob}\n`);
    const digest = createHash("sha256").update(parsed.getPublicSSH()).digest("base64").replace(/=+$/, "");
    expect(forms.publicKeyFingerprintSha256).toBe(`SHA256:${digest}`);
    const open = createPublicKey(createPrivateKey(String(forms.privateKeyPem)));
    expect(open.export({ type: "spki", format: "pem" })).toBe(forms.publicKeyPem);
  });
});

describe("a command", () => {
  const nothing = { stdout: "", stderr: "" };

  test("gets its input, environment and folder, and returns its output", async () => {
    const inputs = { stdin: "in", environment: { A: "1" }, dir: folder };
    const output = await run('cat; echo " $A"; pwd >&2', inputs, nothing, context());
    expect(output).toEqual({ stdout: "in 1", stderr: folder });
  });

  test("that fails reports the reason and its output", async () => {
    await expect(run("echo out; echo bad >&2; exit 3", {}, nothing, context())).rejects.toThrow(
      /exit status 3: running "echo out; echo bad >&2; exit 3":\n(out\nbad|bad\nout)\n/,
    );
    await expect(run("x", { interpreter: ["/no/such"] }, nothing, context())).rejects.toThrow(
      "can't run /no/such",
    );
  });

  test("logs the chosen streams", async () => {
    const said = async (logging?: string): Promise<string[]> => {
      const own = context();
      await run("echo o; echo e >&2", logging === undefined ? {} : { logging }, nothing, own);
      return own.lines.sort();
    };
    expect([await said(), await said("stdout"), await said("none")]).toEqual([["e", "o"], ["o"], []]);
  });

  test("ends with all its children when it is aborted", async () => {
    const abort = new AbortController();
    const started = Date.now();
    const running = run("sleep 60 & sleep 60; wait", {}, nothing, context(abort.signal));
    setTimeout(() => abort.abort(), 100);
    await expect(running).rejects.toThrow("SIGTERM");
    expect(Date.now() - started).toBeLessThan(10_000);
  });

  test("gets its previous output by default", () => {
    const previous = { stdout: "o", stderr: "" };
    expect(commandEnvironment({}, previous)).toEqual({ PULUMI_COMMAND_STDOUT: "o" });
    expect(commandEnvironment({ addPreviousOutputInEnv: false }, previous)).toEqual({});
    expect(argvOf({ interpreter: ["bash", "-ec"] }, "x")).toEqual(["bash", "-ec", "x"]);
    expect(argvOf({}, "x")).toEqual(["/bin/sh", "-c", "x"]);
  });

  test("is updated for any change and replaced for changed triggers", () => {
    const kinds = (before: object, after: object): string[] =>
      diff(before as never, after as never).changes.map(
        ({ property, replace }) => `${property}${replace ? "!" : ""}`,
      );
    expect(kinds({ create: "a" }, { create: "a" })).toEqual([]);
    expect(kinds({ create: "a", stdin: "x" }, { create: "b", stdin: new Secret("x") })).toEqual(["create"]);
    expect(kinds({ triggers: [1] }, { triggers: [2] })).toEqual(["triggers!"]);
    expect(kinds({ stdin: "x" }, { stdin: UNKNOWN })).toEqual(["stdin"]);
  });

  test("has secret outputs if any input is secret", async () => {
    const { state } = await command.create({ create: "cat", stdin: new Secret("s") }, context());
    expect(state.stdout).toEqual(new Secret("s"));
    expect((await command.create({ create: "echo s" }, context())).state.stdout).toBe("s");
  });

  test("updates with `update`, or with `create` by default", async () => {
    const update = (news: object) =>
      command.update({ id: "i", state: { stdout: "old" }, news: news as never }, context());
    expect((await update({ create: "echo c", update: "echo u $PULUMI_COMMAND_STDOUT" })).stdout).toBe(
      "u old",
    );
    expect((await update({ create: "echo c" })).stdout).toBe("c");
    expect((await update({ delete: "x" })).stdout).toBe("old");
  });
});

describe("the language host", () => {
  test("reports the provider packages that the program depends on", () => {
    const root = new URL("../../..", import.meta.url).pathname;
    const names = packagesOf(root).map(({ name, version }) => `${name} ${version}`);
    expect(names.sort()).toEqual([
      "cloudflare v6.22.1",
      "command v1.2.1",
      "digitalocean v4.80.1",
      "docker v5.2.0",
      "random v4.21.2",
      "tls v5.6.1",
    ]);
  });

  const program = {
    engineAddress: "e:1",
    monitorAddress: "m:1",
    organization: "",
    project: "p",
    stack: "s",
    rootDirectory: "/r",
    programDirectory: "/r",
    entryPoint: ".",
    dryRun: true,
    parallel: 4,
    args: [],
    config: new Map([["ns:a", "1"]]),
    secretKeys: ["ns:a"],
    options: { typescript: false },
  };

  test("runs it like the official one", () => {
    expect(argumentsOf(program).join(" ")).toBe(
      "--monitor m:1 --engine e:1 --project p --root-directory /r --stack s --pwd /r --parallel 4 --dry-run .",
    );
    expect(configOf(program.config)).toEqual({ "ns:config:a": "1" });
    expect(environmentOf(program)).toEqual({
      PULUMI_CONFIG: '{"ns:config:a":"1"}',
      PULUMI_CONFIG_SECRET_KEYS: '["ns:a"]',
    });
    expect(environmentOf({ ...program, options: {} }).PULUMI_NODEJS_TYPESCRIPT).toBe("true");
  });

  test("distinguishes errors that were already shown", () => {
    expect(resultOf(0, null)).toEqual({ error: "", bail: false });
    expect(resultOf(32, null)).toEqual({ error: "", bail: true });
    expect(resultOf(1, null).error).toContain("non-zero exit code: 1");
    expect(resultOf(null, "SIGKILL").error).toContain("SIGKILL");
  });
});

describe("install", () => {
  test("writes each file once", () => {
    const toolchain = join(folder, "tool chain's");
    const written = install(toolchain, process.execPath);
    expect(written).toHaveLength(7);
    expect(written.every((file) => (statSync(file).mode & 0o111) !== 0)).toBe(true);
    expect(install(toolchain, process.execPath)).toEqual([]);
    writeFileSync(written[0] ?? "", "something else");
    expect(install(toolchain, process.execPath)).toEqual([written[0]]);
  });

  test("quotes paths", () => {
    const script = shim("docker", { cacheDirectory: "/c", node: "/it's/node" });
    expect(script).toContain("node='/it'\\''s/node'");
    expect(script).not.toContain(STAND_IN_HOST_VARIABLE);
  });

  test("lets the program know the stand-in language host", () => {
    const folders = { cacheDirectory: "/c", node: process.execPath };
    expect(shim("language-nodejs", folders)).toContain(`export ${STAND_IN_HOST_VARIABLE}="$0"`);
  });
});

test("an archive with long names is readable for tar", () => {
  const long = `${"d".repeat(90)}/${"f".repeat(90)}é`;
  const archive = pack([
    { path: "a", mode: 0o600, content: Buffer.from("hello"), uid: 7 },
    { path: "dir/", mode: 0o755, type: "directory" },
    { path: "link", mode: 0o777, type: "symlink", target: "a" },
    { path: long, mode: 0o644, content: Buffer.from("x") },
  ]);
  const list = execFileSync("tar", ["--numeric-owner", "--quoting-style=literal", "-tvf", "-"], {
    input: archive,
    encoding: "utf8",
  });
  expect(list).toMatch(/-rw------- 7\/0\s+5 .* a\n/);
  expect(list).toContain("link -> a");
  expect(list).toContain(long);
});

describe("random.RandomId", () => {
  test("returns the bytes in the official plugin's forms, each with the prefix", () => {
    expect(idForms(Buffer.from([0, 255, 16]), "p-")).toEqual({
      b64Std: "p-AP8Q",
      b64Url: "p-AP8Q",
      dec: "p-65296",
      hex: "p-00ff10",
    });
  });
});
