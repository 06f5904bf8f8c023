/**
 * The docker stand-in over SSH: this machine's OpenSSH and an SSH server whose `docker system dial-stdio`
 * leads to a small daemon.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect as connectTo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import ssh2 from "ssh2";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { checkConfig, configure, docker } from "../../../lab/plugins/docker/client.ts";
import { sshArguments, sshTarget } from "../../../lab/plugins/docker/ssh.ts";

describe("an ssh:// address", () => {
  test("becomes the docker CLI's command", () => {
    expect(sshArguments(sshTarget("ssh://root@h:2222"), ["-F", "a b/config"])).toEqual(
      // biome-ignore format: one command line
      ["-F", "a b/config", "-o", "ConnectTimeout=30", "-T", "-l", "root", "-p", "2222", "--", "h", "docker", "system", "dial-stdio"],
    );
    expect(sshArguments(sshTarget("ssh://h/run/d.sock"), ["-oConnectTimeout=5"]).join(" ")).toBe(
      "-oConnectTimeout=5 -T -- h docker --host unix:///run/d.sock system dial-stdio",
    );
    expect(sshTarget("ssh://[::1]:22").host).toBe("::1");
  });

  test.each(["ssh://", "ssh://u:hunter2@h", "ssh://h?a=b"])("rejects %s", (host) => {
    const failures = checkConfig({ host });
    expect(failures.map(({ property }) => property)).toEqual(["host"]);
    expect(JSON.stringify(failures)).not.toContain("hunter2");
  });

  test("accepts its options in the SDK's form", () => {
    expect(checkConfig({ host: "ssh://h", sshOpts: '["-F","x"]', disableDockerDaemonCheck: "true" })).toEqual(
      [],
    );
    expect(checkConfig({ host: "ssh://h", sshOpts: "-F x" }).map(({ property }) => property)).toEqual([
      "sshOpts",
    ]);
  });
});

const hasSsh = ((): boolean => {
  try {
    execFileSync("ssh", ["-V"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += chunk;
  return body;
}

describe.skipIf(!hasSsh)("a daemon behind ssh", () => {
  const folder = mkdtempSync(join(tmpdir(), "plugins-ssh-"));
  const hostKey = ssh2.utils.generateKeyPairSync("ed25519");
  const key = ssh2.utils.generateKeyPairSync("ed25519");
  const count = { now: 0, most: 0, ever: 0 };
  const clients = new Set<ssh2.Connection>();
  let daemon: Server;
  let sshd: ssh2.Server;
  let port = 0;
  let answer = (command: string): boolean => command === "docker system dial-stdio";

  /** Writes an SSH configuration and returns the provider's. */
  function config(line = "", known = hostKey.public): { [key: string]: string } {
    writeFileSync(join(folder, "known_hosts"), `pinned ${known}\n`);
    writeFileSync(join(folder, "id"), key.private, { mode: 0o600 });
    const lines = [
      line,
      "HostName 127.0.0.1",
      `Port ${port}`,
      "HostKeyAlias pinned",
      `UserKnownHostsFile ${join(folder, "known_hosts")}`,
      "GlobalKnownHostsFile /dev/null",
      "StrictHostKeyChecking yes",
      `IdentityFile ${join(folder, "id")}`,
      "IdentitiesOnly yes",
      "BatchMode yes",
      "LogLevel ERROR",
    ];
    writeFileSync(join(folder, "config"), `Host alias\n${lines.join("\n")}\n`);
    return { host: "ssh://root@alias", sshOpts: JSON.stringify(["-F", join(folder, "config")]) };
  }

  beforeAll(async () => {
    daemon = createServer(async (request, response) => {
      const path = request.url ?? "";
      if (path.endsWith("/_ping")) return response.end("OK");
      if (path.startsWith("/containers/slow")) {
        await pause(100);
        return response.end("{}");
      }
      if (path.startsWith("/containers/half")) {
        response.write("{");
        setTimeout(() => clients.forEach((client) => void client.end()), 50);
        return;
      }
      response.end(JSON.stringify({ stream: `${(await bodyOf(request)).length}` }));
    });
    await new Promise<void>((resolve) => daemon.listen(0, "127.0.0.1", resolve));
    sshd = new ssh2.Server({ hostKeys: [hostKey.private] }, (client) => {
      clients.add(client);
      count.ever++;
      count.most = Math.max(count.most, ++count.now);
      client.on("close", () => {
        clients.delete(client);
        count.now--;
      });
      client.on("error", () => client.end());
      client.on("authentication", (context) =>
        context.method === "publickey" && context.username === "root"
          ? context.accept()
          : context.reject(["publickey"]),
      );
      client.on("session", (accept) => {
        accept().on("exec", (take, _reject, { command }) => {
          const stream = take();
          if (!answer(command)) {
            stream.stderr.write("sh: 1: docker: not found\n");
            stream.exit(127);
            stream.end();
            return;
          }
          const socket = connectTo((daemon.address() as AddressInfo).port, "127.0.0.1");
          stream.pipe(socket).pipe(stream);
          socket.on("error", () => stream.end());
        });
      });
    });
    await new Promise<void>((resolve) => sshd.listen(0, "127.0.0.1", resolve));
    port = (sshd.address() as AddressInfo).port;
  });

  afterEach(() => {
    for (const client of clients) client.end();
  });

  afterAll(() => {
    sshd.close();
    daemon.closeAllConnections();
    daemon.close();
    rmSync(folder, { recursive: true });
  });

  test("responds over a few reused connections", async () => {
    configure(config());
    const before = count.ever;
    count.most = 0;
    const inspected = Array.from({ length: 12 }, async () => (await docker()).getContainer("slow").inspect());
    expect(await Promise.all(inspected)).toHaveLength(12);
    await (await docker()).getContainer("slow").inspect();
    expect(count.most).toBeLessThanOrEqual(4);
    expect(count.ever - before).toBeLessThanOrEqual(4);
  });

  test("accepts large requests, as for an image build", async () => {
    configure(config());
    const megabytes = 8;
    const archive = Readable.from(Array.from({ length: megabytes }, () => Buffer.alloc(1 << 20)));
    const stream = await (await docker()).buildImage(archive, { t: "x" });
    let said = "";
    for await (const chunk of stream) said += chunk;
    expect(JSON.parse(said)).toEqual({ stream: String(megabytes << 20) });
  });

  test("that is lost during a response is an error, without hanging", async () => {
    configure(config());
    await expect((await docker()).getContainer("half").inspect()).rejects.toThrow();
    await (await docker()).getContainer("slow").inspect();
  });

  test.each([
    ["another host key", () => config("", ssh2.utils.generateKeyPairSync("ed25519").public), /Host key/],
    ["a rejected user", () => ({ ...config(), host: "ssh://nobody@alias" }), /Permission denied/],
    ["no listener", () => config("Port 1"), /Connection refused/],
    ["a missing configuration", () => ({ host: "ssh://alias", sshOpts: '["-F","/no"]' }), /no/i],
  ])("with %s fails with ssh's message", async (_what, given, words) => {
    configure(given());
    const error: unknown = await docker().catch((reason: unknown) => reason);
    expect(String(error)).toMatch(/can't reach the Docker daemon at ssh:.*the ssh connection to alias ended/);
    expect(String(error)).toMatch(words);
  });

  test("is retried after a failure, and pinged first by default", async () => {
    const given = config();
    const usual = answer;
    answer = () => false;
    configure(given);
    await expect(docker()).rejects.toThrow("(status 127): sh: 1: docker: not found");
    configure({ ...given, disableDockerDaemonCheck: "true" });
    const unasked = await docker();
    await expect(unasked.getContainer("slow").inspect()).rejects.toThrow("docker: not found");
    answer = usual;
    await unasked.getContainer("slow").inspect();
    configure(given);
    await docker();
  });
});
