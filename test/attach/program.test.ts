import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EXIT } from "../../attach/src/errors.ts";
import { OPENCODE, OPENCODE_2 } from "../../config/versions.ts";
import { CREATED, HEALTHY, serverOf2, v1, v2 } from "../support/attach/releases.ts";
import { MAIN, type Started, useProgram } from "../support/attach/use.ts";

const program = useProgram();

describe("opencode-platform", () => {
  it("starts opencode on a project of the index, and passes its exit code on", async () => {
    const { code, stdout, stderr } = await program.run(["shop", "--", "--continue"], program.asMachine);
    expect([code, stderr]).toEqual([42, ""]);
    expect(JSON.parse(stdout)).toEqual({
      args: v1.terminal.args("<url>", ["--continue"]),
      status: 200,
      variables: Object.keys(v1.terminal.environment("")).sort(),
    } satisfies Started);
  });

  it.each([
    ["the session used last", [{ id: "ses_last", time: { created: 1 } }], "ses_last"],
    ["a new session", [], CREATED],
  ])("starts opencode 2.x on %s, with the password in its environment only", async (_, sessions, session) => {
    program.answer(serverOf2(sessions));
    program.installOpencode(OPENCODE_2);
    const { code, stdout, stderr } = await program.run(
      [program.project, "--", "--continue"],
      program.asMachine,
    );
    expect([code, stderr]).toEqual([42, ""]);
    expect(JSON.parse(stdout)).toEqual({
      args: ["--server", "<url>", "--session", session],
      status: 200,
      variables: Object.keys(v2.terminal.environment("")).sort(),
    } satisfies Started);
  });

  it("logs a person in with cloudflared, without the token as an argument", async () => {
    writeFileSync(join(program.machine.folder, "next"), await program.example.sign());
    program.installCloudflared(`cp ${program.machine.folder}/next ${program.machine.folder}/token`);
    const { code, stdout, stderr } = await program.run([program.project]);
    expect([code, JSON.parse(stdout).status, stderr]).toEqual([42, 200, ""]);
    const origin = new URL(program.project).origin;
    expect(program.logged).toEqual([
      `access token --app=${origin}`,
      `access login ${origin}`,
      `access token --app=${origin}`,
    ]);
  });

  it("remembers the platform after its first use", async () => {
    await program.run(["ls"], program.asMachine);
    const { code, stdout } = await program.run(["ls"], {
      ...program.asMachine,
      OPENCODE_PLATFORM_URL: undefined,
    });
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(
        /^shop {2}running {2}https:.*\n {15}https:\/\/shop-admin-.* {2}port admin\ndocs {2}stopped {2}https:.*\n$/,
      ),
    ]);
    expect(
      readFileSync(join(program.machine.folder, ".config/opencode-platform/settings.json"), "utf8"),
    ).not.toContain("secret");
  });

  describe("ls", () => {
    /** What the project's relay answers. */
    const withPorts = (answer: string) => {
      const { index } = program;
      const asked: string[] = [];
      program.answer((request, response) => {
        asked.push(`${request.headers.host?.replace(/:.*/, "")}${request.url}`);
        if (request.url === "/_platform/ports") return void response.end(answer);
        const url = new URL(program.project).href;
        const port = (label: string) => url.replace("shop-", `shop-${label}-`);
        const ports = { admin: port("admin"), web: port("web") };
        const projects = [
          { name: "shop", url, state: "running", ports },
          { name: "docs", url: "https://docs-code.example.com/", state: "stopped", ports },
          { name: "plain", url: "https://plain-code.example.com/", state: "running" },
        ];
        response.end(JSON.stringify({ projects }));
      });
      return { index, asked };
    };
    const notes = (stdout: string) => stdout.match(/port \w+.*/g);

    it("says which ports answer, of projects that run and have some", async () => {
      const { asked } = withPorts('{"ports":{"admin":true,"web":false}}');
      const { code, stdout, stderr } = await program.run(["ls"], program.asMachine);
      expect([code, stderr]).toEqual([0, ""]);
      expect(notes(stdout)).toEqual([
        "port admin: answers",
        "port web: nothing listens yet",
        "port admin",
        "port web",
      ]);
      expect(asked).toEqual(["open.example.com/projects.json", "shop-code.example.com/_platform/ports"]);
    });

    it("says which project sleeps, and since when, and asks nothing that could wake it", async () => {
      const asked: string[] = [];
      program.answer((request, response) => {
        asked.push(String(request.url));
        const url = new URL(program.project).href;
        const shop = { name: "shop", url, ports: { admin: url.replace("shop-", "shop-admin-") } };
        const projects = [
          { ...shop, state: "asleep", since: "2026-11-30T03:12:00.000Z" },
          { ...shop, name: "docs", state: "falling-asleep", since: "nonsense" },
          { name: "blog", url, state: "parked", since: "2026-11-30T03:13:00.000Z" },
        ];
        response.end(JSON.stringify({ projects }));
      });
      const { code, stdout } = await program.run(["ls"], { ...program.asMachine, TZ: "UTC" });
      expect([code, stdout.split("\n").map((line) => line.replace(/ *https:.*/, ""))]).toEqual([
        0,
        [
          "shop  asleep since 2026-11-30 03:12",
          "",
          "docs  falling asleep",
          "",
          "blog  being restored since 2026-11-30 03:13",
          "",
        ],
      ]);
      expect(notes(stdout)).toEqual(["port admin", "port admin"]);
      expect(asked).toEqual(["/projects.json"]);
    });

    it("says nothing of them where the platform doesn't", async () => {
      for (const answer of ["<!doctype html>", "null", '{"ports":{"admin":"\u001b[31m"}}']) {
        withPorts(answer);
        const { code, stdout } = await program.run(["ls"], program.asMachine);
        expect([code, notes(stdout)]).toEqual([0, ["port admin", "port web", "port admin", "port web"]]);
      }
    });

    it("asks nobody to log in to a project for it, and takes a token that is there", async () => {
      const { asked } = withPorts('{"ports":{"admin":true}}');
      program.installCloudflared();
      const { stdout } = await program.run(["ls"]);
      expect(notes(stdout)?.[0]).toBe("port admin");
      const token = `access token --app=${new URL(program.project).origin}`;
      expect(program.logged.filter((line) => line.includes("shop-code"))).toEqual([token]);
      expect(asked).toEqual(["open.example.com/projects.json"]);
      writeFileSync(join(program.machine.folder, "token"), await program.example.sign());
      expect(notes((await program.run(["ls"])).stdout)?.[0]).toBe("port admin: answers");
      expect(program.logged).not.toContain(`access login ${new URL(program.project).origin}`);
    });
  });

  it.each([v1, v2])(
    "prints a URL of $major.x that needs no password, and runs until SIGTERM",
    async ({ major }) => {
      if (major === 2) program.answer(serverOf2());
      const env = { ...program.machine.env, ...program.asMachine };
      const child = spawn(process.execPath, [MAIN, program.project, "--print"], { env });
      const [line] = (await once(child.stdout, "data")) as [Buffer];
      expect((await fetch(`${String(line).trim()}/any`)).status).toBe(200);
      // A client that takes a URL opens its own session.
      expect(program.example.seen.filter(({ method }) => method !== "GET")).toEqual([]);
      child.kill("SIGTERM");
      expect(await once(child, "exit")).toEqual([0, null]);
    },
  );

  it("opens a project by its address at the panel's hostname", async () => {
    const address = new URL("/p/shop/session/1", program.index).href;
    const { code, stdout } = await program.run([address, "--", "--print-target"], {
      ...program.asMachine,
      OPENCODE_PLATFORM_URL: undefined,
    });
    const byName = await program.run(["shop", "--", "--print-target"], program.asMachine);
    expect([code, stdout.replace(/:\d+/g, "")]).toEqual([byName.code, byName.stdout.replace(/:\d+/g, "")]);
    const unknown = await program.run([new URL("/p/shpo", program.index).href], program.asMachine);
    expect(unknown.stderr).toContain("Did you mean shop?");
  });

  it("forwards signals", async () => {
    const env = { ...program.machine.env, ...program.asMachine };
    const child = spawn(process.execPath, [MAIN, program.project, "--", "--stay"], { env });
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([128 + 15, null]);
  });

  /** An npm that gives an archive of another content than the registry's, and notes how it was called. */
  const installNpm = () =>
    program.machine.install(
      "npm",
      `echo "$* $CF_ACCESS_CLIENT_SECRET" >> ${program.machine.folder}/npm.log
mkdir -p package/bin && echo 'echo hostile' > package/bin/opencode && tar -czf opencode.tgz package`,
    );

  it("asks npm for the pinned package without scripts with --npx, and refuses one with another checksum", async () => {
    program.machine.install("opencode", "echo 1.2.3");
    installNpm();
    for (let time = 0; time < 2; time++) {
      const { code, stdout, stderr } = await program.run([program.project, "--npx"], program.asMachine);
      expect([code, stdout]).toEqual([EXIT.noOpencode, ""]);
      expect(stderr).toMatch(
        /^Installing opencode \S+ \(once\) …\nopencode \S+ could not be installed: its package has sha\d+-\S+, not sha\d+-\S+\nRun: npm install -g opencode-ai@/,
      );
    }
    const log = readFileSync(join(program.machine.folder, "npm.log"), "utf8");
    expect(log).toMatch(
      new RegExp(
        `^(pack --ignore-scripts --silent opencode-linux-\\S+@${OPENCODE.replaceAll(".", "\\.")} \n){2}$`,
      ),
    );
  });

  it("asks for the package of the project's major", async () => {
    program.answer(serverOf2());
    installNpm();
    await program.run([program.project, "--npx"], program.asMachine);
    const log = readFileSync(join(program.machine.folder, "npm.log"), "utf8");
    expect(log).toContain(`@opencode/cli-linux-`);
    expect(log).toContain(`@${OPENCODE_2} `);
  });

  it.each(["echo 2.3.2", "exit 3"])(
    "runs the pinned opencode that is installed instead of an unusable one: %s",
    async (script) => {
      program.machine.install("opencode", script);
      for (const machine of ["linux-x64", "linux-x64-baseline", "linux-arm64"]) {
        const bin = join(
          program.machine.folder,
          `.cache/opencode-platform/opencode-${OPENCODE}-${machine}/bin`,
        );
        mkdirSync(bin, { recursive: true });
        writeFileSync(join(bin, "opencode"), '#!/bin/sh\necho "$@"; exit 3\n', { mode: 0o755 });
      }
      const { code, stdout } = await program.run([program.project, "--npx"], program.asMachine);
      expect([code, stdout]).toEqual([3, expect.stringMatching(/^attach http:\/\/127\.0\.0\.1:\d+\n$/)]);
    },
  );

  it("reports what npm says, and leaves nothing that the next start would take", async () => {
    program.machine.install("opencode", "echo 1.2.3");
    program.machine.install("npm", "echo 'npm error code E404' >&2; exit 1");
    const { code, stderr } = await program.run([program.project, "--npx"], program.asMachine);
    expect([code, stderr]).toEqual([
      EXIT.noOpencode,
      expect.stringMatching(/could not be installed: npm error code E404\nRun: npm install -g opencode-ai@/),
    ]);
    expect(readdirSync(join(program.machine.folder, ".cache/opencode-platform"))).toEqual([]);
  });

  it("waits for a project that is starting, and reports it", async () => {
    let asked = 0;
    program.answer((_, response) => {
      const starting = { "x-opencode-state": "starting", "x-opencode-project": "shop" };
      if (asked++ < 2)
        response.writeHead(503, { "content-type": "text/plain", ...starting }).end("shop is starting.");
      else response.end(HEALTHY);
    });
    const { code, stderr } = await program.run([program.project], program.asMachine);
    expect([code, stderr]).toEqual([42, "shop is starting: waiting up to 2 minutes …\n"]);
  });

  it("opens a project of a platform on this machine by name and by either URL", async () => {
    const paths: (string | undefined)[] = [];
    const gateway = createServer(({ url }, response) => {
      paths.push(url);
      response.end(HEALTHY);
    });
    gateway.listen(0, "127.0.0.1");
    await once(gateway, "listening");
    const { port } = gateway.address() as AddressInfo;
    const local = `http://localhost:${port}`;
    for (const args of [
      ["shop", "--platform", local],
      [`${local}/p/shop`],
      [`http://shop.localhost:${port}/`],
    ])
      expect((await program.run(args)).code).toBe(42);
    const under = [`/p/shop${v1.health.path}`, "/p/shop/any"];
    expect(paths).toEqual([...under, ...under, v1.health.path, "/any"]);
    gateway.close();
  });

  it("opens the browser", async () => {
    program.machine.install("xdg-open", `echo "$1" > ${program.machine.folder}/opened`);
    expect((await program.run(["open", "shop"], program.asMachine)).code).toBe(0);
    expect(readFileSync(join(program.machine.folder, "opened"), "utf8")).toBe(`${program.project}\n`);
  });
});
