import { createServer, type Server } from "node:http";
import { networkInterfaces } from "node:os";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectUid } from "../../../config/naming/uids.ts";
import { launchBrowser } from "../../support/browser.ts";
import { docker, execIn, logsOf, shellIn } from "../../support/docker.ts";
import { ask } from "../../support/http.ts";
import { callAt, PROTECTED_PATH, projectApi, question } from "../../support/opencode.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { must } from "../../support/run.ts";
import { waitFor } from "../../support/wait.ts";

const platform = new Platform();
const { port, host } = platform.fixture;
const alpha = platform.container("alpha");
const beta = platform.container("beta");

/** Address of a container on its network. */
async function addressOf(container: string): Promise<string> {
  const { NetworkSettings } = await docker.getContainer(container).inspect();
  return Object.values(NetworkSettings.Networks)[0]?.IPAddress ?? "";
}

/** Status of a URL requested by curl inside alpha, or 000 without a connection. */
async function fromAlpha(url: string): Promise<string> {
  const { stdout } = await execIn(alpha, [
    "curl",
    "-s",
    "-m",
    "4",
    "-o",
    "/dev/null",
    "-w",
    "%{http_code}",
    url,
  ]);
  return stdout.trim();
}

const passwordOf = async (container: string) =>
  (await execIn(container, ["cat", "/run/opencode/password"])).stdout;

/** Status of opencode in a container, requested from the host without the gateway. */
async function statusDirect(container: string, password?: string): Promise<number> {
  const headers = password ? { authorization: projectApi.authorization(password) } : undefined;
  const answer = await fetch(
    `http://${await addressOf(container)}:${projectApi.server.port}${PROTECTED_PATH}`,
    { headers },
  );
  return answer.status;
}

describe("isolation", () => {
  /** Listens on all of the host's addresses, to show that refused requests are not merely unreachable. */
  let control: Server;
  let controlPort: number;
  let browser: Browser;

  beforeAll(async () => {
    control = createServer((_, response) => response.end("reached"));
    controlPort = await new Promise((resolve) => {
      control.listen(0, "0.0.0.0", () => resolve((control.address() as { port: number }).port));
    });
    const [first, ...others] = platform.baseline();
    if (!first) throw new Error("no entry");
    await platform.apply([{ ...first, network: { allow: platform.allow(controlPort, port) } }, ...others]);
    for (const name of ["alpha", "beta"]) await answering(platform, name);
    browser = await launchBrowser();
  });

  afterAll(async () => {
    control?.close();
    await browser?.close();
  });

  describe("from inside project alpha", () => {
    it("reaches itself and the host's open ports, so the checks below are not blind", async () => {
      expect(await fromAlpha(`http://127.0.0.1:${projectApi.server.port}${PROTECTED_PATH}`)).toBe("401");
      expect(
        await fromAlpha(`http://${await addressOf(alpha)}:${projectApi.server.port}${PROTECTED_PATH}`),
      ).toBe("401");
      expect(await fromAlpha(`http://${host}:${controlPort}/`)).toBe("200");
      expect(await statusDirect(beta)).toBe(401);
    });

    it("can't reach project beta by address or by name", async () => {
      expect(
        await fromAlpha(`http://${await addressOf(beta)}:${projectApi.server.port}${PROTECTED_PATH}`),
      ).toBe("000");
      expect(await fromAlpha(`http://${beta}:${projectApi.server.port}${PROTECTED_PATH}`)).toBe("000");
      expect(await fromAlpha(`http://beta:${projectApi.server.port}${PROTECTED_PATH}`)).toBe("000");
    });

    it("can't reach the notice container", async () => {
      expect(await fromAlpha(`http://${await addressOf(platform.names.notice)}:8080/`)).toBe("000");
    });

    it("can't reach Traefik on any address of the host", async () => {
      const { IPAM } = await docker.getNetwork(platform.names.projectNetwork("alpha")).inspect();
      const gateway = IPAM?.Config?.[0]?.Gateway ?? "";
      const own = Object.values(networkInterfaces()).flatMap((addresses = []) =>
        addresses
          .filter(({ family, internal }) => family === "IPv4" && !internal)
          .map(({ address }) => address),
      );
      const addresses = [...new Set([gateway, host, ...own])];
      expect(addresses).not.toContain("");
      for (const address of addresses) {
        expect([address, await fromAlpha(`http://${address}:${controlPort}/`)]).toEqual([address, "200"]);
        for (const path of ["/ping", `/p/beta${PROTECTED_PATH}`]) {
          expect([address, await fromAlpha(`http://${address}:${port}${path}`)]).toEqual([address, "000"]);
        }
      }
      expect(await fromAlpha(`http://127.0.0.1:${port}/ping`)).toBe("000");
      expect(await fromAlpha(`http://host.docker.internal:${port}/ping`)).toBe("000");
    });

    it("has no Docker socket, and no Docker on the host's ports", async () => {
      const { stdout } = await shellIn(
        alpha,
        "find / -xdev -name 'docker.sock*' 2>/dev/null; ls /var/run/docker.sock",
      );
      expect(stdout).toBe("");
      for (const at of [2375, 2376]) expect(await fromAlpha(`http://${host}:${at}/version`)).toBe("000");
    });

    it("sees only its own two directories of the host", async () => {
      const { Mounts } = await docker.getContainer(alpha).inspect();
      expect(Mounts.map(({ Source }) => Source).sort()).toEqual([
        platform.home("alpha"),
        platform.workspace("alpha"),
      ]);
    });

    it("runs as an unprivileged user, and can't gain privileges", async () => {
      const { stdout } = await shellIn(alpha, "id -u; cat /proc/$(pgrep -xo opencode)/status");
      expect(stdout).not.toMatch(/^0\n/);
      for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
        expect(stdout).toMatch(new RegExp(`^${set}:\\s+0{16}$`, "m"));
      }
      expect(stdout).toMatch(/^NoNewPrivs:\s+1$/m);
      expect(stdout).toMatch(/^Seccomp:\s+2$/m);
      expect((await shellIn(alpha, "su -c true; mount -t tmpfs none /mnt")).code).not.toBe(0);
    });

    it("writes nowhere but to its workspace, its home and a /tmp of a limited size", async () => {
      const { stdout } = await shellIn(
        alpha,
        "find / -xdev -writable ! -type l 2>/dev/null | sort; df -m --output=size /tmp",
      );
      expect(
        stdout
          .trim()
          .split("\n")
          .map((line) => line.trim()),
      ).toEqual(["/home/opencode", "/tmp", "/workspace", "1M-blocks", "1024"]);
    });

    it("sees the kernel only through masked and read-only paths", async () => {
      const { HostConfig } = await docker.getContainer(alpha).inspect();
      const { MaskedPaths: masked = [], ReadonlyPaths: readOnly = [] } = HostConfig;
      expect(masked).toEqual(
        expect.arrayContaining(["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"]),
      );
      expect(readOnly).toEqual(
        expect.arrayContaining(["/proc/bus", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]),
      );
      const { stdout } = await shellIn(
        alpha,
        `ls -d ${[...masked, ...readOnly].join(" ")} 2>/dev/null; echo --; cat /proc/self/mountinfo`,
      );
      const [present = "", mounts = ""] = stdout.split("--\n");
      const optionsOf = (path: string) =>
        mounts
          .split("\n")
          .find((line) => line.split(" ")[4] === path)
          ?.split(" ")[5];
      const there = present.trim().split("\n");
      // Not every kernel has all of them.
      expect(there).toEqual(expect.arrayContaining(["/proc/keys", "/proc/sys"]));
      for (const path of there)
        expect([path, optionsOf(path)]).toEqual([
          path,
          expect.stringMatching(readOnly.includes(path) ? /^ro,/ : /./),
        ]);
    });

    it("runs nothing before its limit of processes holds", async () => {
      const { Config } = await docker.getContainer(alpha).inspect();
      const name = `${platform.names.prefix}-unlimited`;
      const label = `${platform.names.platformLabel}=${platform.names.prefix}`;
      await must("docker", ["run", "-d", "--name", name, "--label", label, Config.Image]);
      const says = (text: string) =>
        waitFor(text, async () => {
          const log = await logsOf(name);
          return log.includes(text) ? { done: true } : { seen: log };
        });
      try {
        await says("waiting for the limit of processes");
        expect(await logsOf(name)).not.toContain("[workspace]");
        await must("docker", ["update", "--pids-limit", "100", name]);
        await says("[workspace]");
      } finally {
        await must("docker", ["rm", "-f", "-v", name]);
      }
    });

    it("has limits on memory, swap, CPUs and processes in its cgroup", async () => {
      expect(await limits(alpha)).toEqual({
        memory: String(2 ** 30),
        memoryAndSwap: String(2 ** 30),
        cpus: "1",
        pids: "512",
      });
    });
  });

  describe("the kernel's limits for a user", () => {
    it("are each project's own: one that uses up its inotify instances leaves its neighbour with all", async () => {
      const most = Number((await shellIn(alpha, "cat /proc/sys/fs/inotify/max_user_instances")).stdout);
      // Each `tail -f` has one, and a project has 512 processes at most.
      expect(
        most,
        "the host's limit is too high to be reached: sysctl fs.inotify.max_user_instances=128",
      ).toBeLessThan(400);
      const watch = async (container: string, count: number) => {
        await shellIn(
          container,
          `for i in $(seq ${count}); do tail -n 0 -f /etc/hostname >/dev/null 2>>/tmp/watching & done`,
        );
        return waitFor("the watches", async () => {
          const { stdout } = await shellIn(
            container,
            "cat /tmp/watching; ls -l $(pgrep -x tail | sed 's#.*#/proc/&/fd#') | grep -c anon_inode:inotify; true",
          );
          const [inotify = "0", ...errors] = stdout.trim().split("\n").reverse();
          return errors.length > 0 || Number(inotify) >= count ? { done: errors.join() } : { seen: stdout };
        });
      };
      try {
        expect(await watch(alpha, most + 5)).toMatch(/inotify cannot be used|Too many open files/);
        expect(await watch(beta, 3)).toBe("");
      } finally {
        for (const each of [alpha, beta]) await shellIn(each, "pkill tail; true");
      }
    });

    it("have a user that the container knows by name", async () => {
      const { stdout } = await shellIn(alpha, "id -un; id -u; stat -c %u /workspace ~");
      const [name, ...ids] = stdout.trim().split("\n");
      expect(name).toBe("opencode");
      expect(new Set(ids)).toEqual(new Set([String(projectUid("alpha"))]));
    });
  });

  describe("passwords", () => {
    it("rejects requests without a password, or with a neighbour's", async () => {
      const [ofAlpha, ofBeta] = [await passwordOf(alpha), await passwordOf(beta)];
      expect(ofAlpha).toMatch(/^\w{32}$/);
      expect(ofAlpha).not.toBe(ofBeta);
      expect(await statusDirect(beta)).toBe(401);
      expect(await statusDirect(beta, ofAlpha)).toBe(401);
      expect(await statusDirect(beta, ofBeta)).toBe(200);
    });

    it("are in files that only the container's user can read, and that it can't change", async () => {
      const { stdout } = await shellIn(alpha, "stat -c '%a %u %g' /run/opencode/password; id -g");
      const [stat, group] = stdout.trim().split("\n");
      expect(stat).toBe(`440 0 ${group}`);
    });
  });

  describe("other pages in the same browser", () => {
    const own = `alpha.localhost:${port}`;
    const others = [
      "https://evil.example",
      `http://beta.localhost:${port}`,
      `http://localhost:${port}`,
      "null",
    ];

    it("accepts the page's own origin, and a terminal's requests without one", async () => {
      const path = PROTECTED_PATH;
      expect((await ask({ port, host: own, path, headers: { origin: `http://${own}` } })).status).toBe(200);
      expect((await ask({ port, path: `/p/alpha${path}` })).status).toBe(200);
    });

    for (const origin of others) {
      it(`refuses requests of ${origin}`, async () => {
        const before = await sessionCount();
        for (const at of [{ host: own }, { path: "/p/alpha" }]) {
          const answer = await ask(
            question({ port, ...at, headers: { origin } }, projectApi.createSession()),
          );
          expect(answer.status).toBe(403);
        }
        expect(await sessionCount()).toBe(before);
      });

      it(`refuses WebSockets of ${origin}`, async () => {
        const alphaAt = { port, path: "/p/alpha" };
        const id = await callAt(alphaAt, projectApi.createTerminal("bash"));
        const connect = projectApi.terminalPath(id);
        for (const at of [{ host: own, path: connect }, { path: `/p/alpha${connect}` }]) {
          const headers = { origin, connection: "Upgrade", upgrade: "websocket", ...WEBSOCKET };
          expect((await ask({ port, ...at, headers })).status).toBe(403);
        }
        await callAt(alphaAt, projectApi.removeTerminal(id));
      });
    }

    it("rejects other hostnames, to prevent DNS rebinding", async () => {
      for (const name of ["evil.example", `evil.example:${port}`, `alpha.evil.example:${port}`, "[::1]"]) {
        expect((await ask({ port, host: name, path: `/p/alpha${PROTECTED_PATH}` })).status).toBe(404);
        expect((await ask({ port, host: name, path: PROTECTED_PATH })).status).toBe(404);
      }
    });

    it("blocks a neighbour's page in a real browser", async () => {
      const before = await sessionCount();
      const page = await (await browser.newContext()).newPage();
      await page.goto(platform.url("beta"));
      const { path } = projectApi.createSession();
      const outcome = await page.evaluate(
        async (url) => {
          const send = (mode: "cors" | "no-cors") => {
            const options = { method: "POST", mode, body: "{}" } as const;
            return fetch(url, options).then(
              (response) => `${response.type} ${response.status}`,
              () => "failed",
            );
          };
          return [await send("cors"), await send("no-cors")];
        },
        new URL(path, platform.url("alpha")).href,
      );
      // Not even an opaque answer: Cross-Origin-Resource-Policy is on the refusal, too.
      expect(outcome).toEqual(["failed", "failed"]);
      expect(await sessionCount()).toBe(before);
    });
  });
});

const WEBSOCKET = { "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };

async function sessionCount(): Promise<number> {
  return (await callAt({ port, path: "/p/alpha" }, projectApi.sessions(1000))).length;
}

/** Limits that the kernel enforces, with either version of cgroups. */
async function limits(container: string): Promise<Record<string, string>> {
  const read = async (v2: string, v1: string) =>
    (
      await must("docker", [
        "exec",
        container,
        "sh",
        "-c",
        `cd /sys/fs/cgroup; cat ${v2} 2>/dev/null || cat ${v1}`,
      ])
    ).stdout.trim();
  const memory = await read("memory.max", "memory/memory.limit_in_bytes");
  const swap = await read("memory.swap.max", "memory/memory.memsw.limit_in_bytes");
  const quota = await read("cpu.max", "cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us");
  const [most = "", period = "1"] = quota.split(/\s+/);
  return {
    memory,
    // Version 2 counts swap separately.
    memoryAndSwap: swap === "0" ? memory : swap,
    cpus: String(Number(most) / Number(period)),
    pids: await read("pids.max", "pids/pids.max"),
  };
}
