import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EXIT } from "../../attach/src/errors.ts";
import { OPENCODE, OPENCODE_2 } from "../../config/versions.ts";
import { serverOf2 } from "../support/attach/releases.ts";
import { useProgram } from "../support/attach/use.ts";

const program = useProgram();

describe("reports the problem and its fix for", () => {
  const fails = async (kind: keyof typeof EXIT, message: RegExp, args: string[], env = {}) => {
    const { code, stdout, stderr } = await program.run(args, env);
    expect([code, stdout, stderr]).toEqual([EXIT[kind], "", expect.stringMatching(message)]);
    expect(stderr).not.toMatch(/\n\s+at /);
    return stderr;
  };

  it("an unknown project, with similar names", () =>
    fails(
      "unknown",
      /Project shp not found, or you are not a member\.\nDid you mean shop\?/,
      ["shp"],
      program.asMachine,
    ));

  it("a project that the index lists as stopped", () =>
    fails("stopped", /docs is stopped/, ["docs"], program.asMachine));

  it.each([
    ["stopped", "stopped", 503, /^shop is stopped; its workspace is kept\.\nSet state: running/],
    ["unknown", "unknown", 404, /^No project has the URL https:\/\/shop-code\.example\.com:\d+\.\n/],
    ["unreachable", "refused", 403, /^shop refused the request as coming from another site\./],
  ] as const)("a notice: %s (%s)", async (kind, state, status, message) => {
    const headers = { "x-opencode-state": state, "x-opencode-project": "shop" };
    program.platform({ status, type: "text/html", body: "<p>", headers });
    await fails(kind, message, [program.project], program.asMachine);
  });

  it("a stopped project of an older platform", async () => {
    program.platform({
      status: 503,
      type: "text/plain; charset=utf-8",
      body: "shop is stopped. Its workspace is kept.\n",
    });
    await fails(
      "stopped",
      /^The project at shop-.* is stopped.*\nSet state: running/,
      [program.project],
      program.asMachine,
    );
  });

  it("a hostname without a project", async () => {
    program.platform({ type: "text/html", body: "<h1>hello</h1>" });
    await fails(
      "unreachable",
      /is not a project of an opencode platform: it does not answer as opencode 1\.x or 2\.x does\./,
      [program.project],
      program.asMachine,
    );
  });

  it("a version that is meant for a terminal", async () => {
    const version = "3.0.0\u001b]0;owned\u0007";
    program.platform({ type: "application/json", body: JSON.stringify({ healthy: true, version }) });
    const stderr = await fails("unreachable", /is not a project/, [program.project], program.asMachine);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(stderr).not.toMatch(/[\u001b\u0007]/);
  });

  it("a name and a state that are meant for a terminal", async () => {
    const projects = [{ name: "shop\u001b]0;owned\u0007", url: program.project, state: "running\u009b2J" }];
    program.answer((_, response) =>
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ projects })),
    );
    const { code, stdout } = await program.run(["ls"], program.asMachine);
    expect([code, stdout]).toEqual([0, expect.stringContaining("owned")]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(stdout).not.toMatch(/[\u001b\u0007\u009b]/);
    projects[0] = { name: "shop\u001b]0;owned\u0007", url: "https://evil.test/", state: "running" };
    const stderr = await fails("unreachable", /owned.* is on another domain/, ["ls"], program.asMachine);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(stderr).not.toMatch(/[\u001b\u0007]/);
  });

  it.each([401, 403])("an index that answers %i to a service token", async (status) => {
    program.answer((_, response) =>
      response.writeHead(status, { "content-type": "application/json" }).end("{}"),
    );
    await fails(
      "notMember",
      /^The service token .* is not allowed to list the projects at .*\n.*Or give the project's URL/,
      ["shop"],
      program.asMachine,
    );
  });

  it("an index that Access refuses", async () => {
    program.installCloudflared();
    await fails(
      "login",
      /^You can't list the projects at .*: .*\n.*cloudflared access login .*Or give the project's URL/,
      ["ls", "--platform", program.project],
    );
  });

  it("ls of a platform on this machine, which has no list", () =>
    fails("usage", /localhost:4080 is on this machine and has no project list\.\n/, [
      "ls",
      "--platform",
      "http://localhost:4080",
    ]));

  it("a service token that is not admitted", () =>
    fails("notMember", /is not allowed to open/, [program.project], {
      CF_ACCESS_CLIENT_ID: "a",
      CF_ACCESS_CLIENT_SECRET: "b",
    }));

  it("half a service token", () =>
    fails("usage", /CF_ACCESS_CLIENT_SECRET is not set/, [program.project], { CF_ACCESS_CLIENT_ID: "a" }));

  it("a failed login, without printing the token", async () => {
    program.installCloudflared();
    writeFileSync(join(program.machine.folder, "token"), await program.example.sign({ expiresIn: -10 }));
    const stderr = await fails("login", /could not be renewed\.\nRun: cloudflared access login/, [
      program.project,
    ]);
    expect(stderr).not.toContain("eyJ");
  });

  it("a missing cloudflared", () =>
    fails("noCloudflared", /cloudflared.* is not installed/, [program.project]));

  it("a missing opencode", async () => {
    program.machine.install("opencode", "");
    const { env } = program.machine;
    const path = `${program.machine.folder}/none`;
    await fails("noOpencode", /npm install -g opencode-ai@1\.18\.33\. Or add --npx/, [program.project], {
      ...program.asMachine,
      ...env,
      PATH: path,
    });
  });

  it("an opencode that is older than the project's", async () => {
    program.machine.install("opencode", "echo 1.18.9");
    await fails(
      "older",
      /^The installed opencode 1\.18\.9 is older than the project's 1\.18\.33\.\nRun: npm install -g opencode-ai@/,
      [program.project],
      program.asMachine,
    );
  });

  it.each([
    { server: OPENCODE, installed: "2.3.2", wanted: `opencode-ai@${OPENCODE}` },
    { server: OPENCODE_2, installed: "1.19.4", wanted: `@opencode/cli@${OPENCODE_2}` },
  ])(
    "an opencode $installed for a project of $server, without starting it",
    async ({ server, installed, wanted }) => {
      if (server === OPENCODE_2) program.answer(serverOf2());
      program.machine.install(
        "opencode",
        `echo "$@" >> ${program.machine.folder}/started; echo opencode ${installed}`,
      );
      const stderr = await fails("incompatible", /./, [program.project], program.asMachine);
      expect(stderr.split("\n")).toEqual([
        `The installed opencode ${installed} cannot open a project that runs opencode ${server}.`,
        `Run: npm install -g ${wanted}. Or add --npx to run it without installing.`,
        "",
      ]);
      expect(readFileSync(join(program.machine.folder, "started"), "utf8")).toBe("--version\n");
      // No session is started for it.
      expect(program.example.seen.filter(({ method }) => method !== "GET")).toEqual([]);
    },
  );

  it.each(["exit 3", "echo hello"])("an opencode that prints no version: %s", async (script) => {
    program.machine.install("opencode", script);
    await fails(
      "noOpencode",
      /^The installed opencode did not print its version\.\nRun: npm install -g/,
      [program.project],
      program.asMachine,
    );
  });

  it("a project that runs an unsupported major", async () => {
    program.answer(serverOf2([], "3.0.1"));
    await fails(
      "incompatible",
      /^shop-code\.example\.com:\d+ runs opencode 3\.0\.1, and this program supports opencode 1\.x and 2\.x only\.\n/,
      [program.project],
      program.asMachine,
    );
  });

  it("a platform that is not responding", () =>
    fails(
      "unreachable",
      /cannot be reached: connection refused/,
      ["https://shop-code.example.com:1/"],
      program.asMachine,
    ));

  it("a missing platform, and an invalid one", async () => {
    await fails("usage", /Give its URL once/, ["shop"], { OPENCODE_PLATFORM_URL: undefined });
    await fails("usage", /is not encrypted/, ["shop", "--platform", "http://code.example.com"]);
    program.answer((_, response) => response.end("hello"));
    await fails("unreachable", /is not the index of an opencode platform/, ["ls"], program.asMachine);
    expect(existsSync(join(program.machine.folder, ".config"))).toBe(false);
  });

  it("an index with a URL on another domain", async () => {
    const projects = [{ name: "shop", url: "https://evil.test/", state: "running" }];
    program.answer((_, response) => response.end(JSON.stringify({ projects })));
    await fails("unreachable", /shop is on another domain/, ["shop"], program.asMachine);
  });
});
