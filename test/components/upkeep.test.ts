/** What an update brings to a droplet, run by a real shell; what it calls there are stand-ins that note their calls. */
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { restartProgram } from "../../components/host/restart-program.ts";
import { SPACE_PROGRAM } from "../../components/host/space-program.ts";
import { upkeepScript } from "../../components/host/upkeep.ts";
import { makeNames } from "../../config/naming/names.ts";
import { restartedFirst, restartedLast } from "../../config/naming/restart-order.ts";
import { waitFor } from "../support/wait.ts";

const names = makeNames("oc");
const LIB = "/usr/local/lib/opencode-platform";
let folder = "";
const at = (...parts: string[]) => join(folder, ...parts);

/** Puts a program into PATH. It notes its name and arguments first. */
function pretend(name: string, body = ""): void {
  writeFileSync(at("bin", name), `#!/bin/sh\necho "${name} $*" >> ${at("calls")}\n${body}\n`);
  chmodSync(at("bin", name), 0o755);
}
const env = () => ({ ...process.env, PATH: `${at("bin")}:${process.env.PATH}` });
const run = (script: string, ...args: string[]) =>
  spawnSync("/bin/sh", ["-c", script, "script", ...args], { encoding: "utf8", env: env() });
const calls = () => (existsSync(at("calls")) ? readFileSync(at("calls"), "utf8").trim().split("\n") : []);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "upkeep-"));
  mkdirSync(at("bin"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The script for a droplet whose root is the test's folder. */
const script = (swapSize = 2) =>
  upkeepScript({ names, swapSize }).replaceAll(
    /(?<=[\s"'=])(?=\/(usr\/local\/lib|etc|run|proc|swapfile)\b)/g,
    folder,
  );

/** Brings it, and returns a program that it has brought. */
function brought(name: string): string {
  for (const each of ["systemctl", "systemd-detect-virt"])
    pretend(each, each === "systemctl" ? "" : "exit 0");
  mkdirSync(at("etc/systemd/system"), { recursive: true });
  const { status, stderr } = run(script());
  expect([status, stderr]).toEqual([0, ""]);
  return readFileSync(at(LIB, name), "utf8");
}

describe("the script", () => {
  it("is the same for the same droplet, so that an update without a change runs nothing", () => {
    expect(upkeepScript({ names, swapSize: 2 })).toBe(upkeepScript({ names, swapSize: 2 }));
    expect(upkeepScript({ names, swapSize: 3 })).not.toBe(upkeepScript({ names, swapSize: 2 }));
  });

  it("brings programs that a shell reads, and enables their units at each boot", () => {
    for (const name of ["zswap", "space", "swap", "move-to-btrfs", "platform"])
      expect(spawnSync("sh", ["-n"], { input: brought(name) }).status).toBe(0);
    expect(calls()).toContain(
      "systemctl enable --quiet opencode-zswap.service opencode-space.timer opencode-platform.service",
    );
    for (const unit of ["opencode-zswap.service", "opencode-space.timer", "opencode-platform.service"])
      expect(readFileSync(at("etc/systemd/system", unit), "utf8")).toContain("[Install]\nWantedBy=");
  });

  it("takes the mark away first, so that an update's start of the unit restarts nothing", () => {
    const lines = script().split("\n");
    const mark = lines.findIndex(
      (line) => line.startsWith("rm -f") && line.includes("opencode-platform.started"),
    );
    const start = lines.indexOf("systemctl restart opencode-platform.service");
    expect(mark).toBeGreaterThan(0);
    expect(start).toBeGreaterThan(mark);
  });

  it("is none that what restarts Docker, or upgrades a library, restarts the containers by", () => {
    mkdirSync(at("etc/needrestart/conf.d"), { recursive: true });
    brought("platform");
    const unit = readFileSync(at("etc/systemd/system/opencode-platform.service"), "utf8");
    expect(unit).not.toMatch(/^(Requires|BindsTo|PartOf|Restart)=/m);
    expect(readFileSync(at("etc/needrestart/conf.d/opencode-platform.conf"), "utf8")).toBe(
      "$nrconf{override_rc}{qr(^opencode-platform\\.service$)} = 0;\n",
    );
  });
});

describe("the swap of a droplet", () => {
  /** Runs the program on a droplet with so much swap and room, in MiB. */
  function swap(
    gib: number,
    { have, disk, free }: { have: number; disk: number; free: number },
    failing?: string,
  ) {
    const program = brought("swap").replaceAll('"/swapfile', `"${folder}/swapfile`);
    writeFileSync(at("calls"), "");
    mkdirSync(at("proc"), { recursive: true });
    writeFileSync(at("proc/swaps"), `Filename Type Size Used Priority\n/swapfile file ${have * 1024} 0 -2\n`);
    pretend("systemd-detect-virt", "exit 1");
    pretend("df", `printf 'Filesystem\\n/dev/vda ${disk} 0 ${free} 0 /\\n'`);
    pretend("fallocate", ': > "$3"');
    for (const name of ["mkswap", "swapon"]) pretend(name);
    if (failing) pretend(failing, `${failing === "fallocate" ? ': > "$3";' : ""} exit 1`);
    return run(program, String(gib));
  }
  const made = () => calls().filter((line) => /^(fallocate|mkswap|swapon)/.test(line));

  it("gets what is missing, in a file beside the one that is there, for each boot", () => {
    expect(swap(32, { have: 2048, disk: 160_000, free: 120_000 }).status).toBe(0);
    const file = at("swapfile-1");
    expect(made()).toEqual([`fallocate -l 30720M ${file}`, `mkswap ${file}`, `swapon ${file}`]);
    expect(readFileSync(at("etc/fstab"), "utf8")).toBe(`${file} none swap sw,nofail 0 0\n`);
  });

  it("is left as it is when it is enough, or more", () => {
    for (const have of [2047, 4096]) {
      expect(swap(2, { have, disk: 160_000, free: 120_000 }).status).toBe(0);
      expect(made()).toEqual([]);
    }
  });

  it("leaves a quarter of the disk, and says what it has no room for", () => {
    const { stderr } = swap(32, { have: 0, disk: 40_000, free: 20_000 });
    expect(stderr).toContain("room for 10000 of the 32768 MiB of swap that are missing (swapSize)");
    expect(made()[0]).toBe(`fallocate -l 10000M ${at("swapfile-1")}`);
    rmSync(at("swapfile-1"));
    expect(swap(32, { have: 0, disk: 40_000, free: 5000 }).status).toBe(0);
    expect(made()).toEqual([]);
  });

  it("has no less than no room on a disk that is nearly full", () => {
    const { status, stderr } = swap(32, { have: 0, disk: 40_000, free: 5000 });
    expect([status, stderr]).toEqual([0, expect.stringContaining("room for 0 of the 32768 MiB")]);
  });

  it.each(["fallocate", "mkswap", "swapon"])("ends no update where %s fails, and leaves no file", (name) => {
    const { status, stderr } = swap(32, { have: 2048, disk: 160_000, free: 120_000 }, name);
    expect([status, stderr]).toEqual([
      0,
      expect.stringContaining("could not be given 30720 MiB of swap more"),
    ]);
    expect(existsSync(at("swapfile-1"))).toBe(false);
    expect(existsSync(at("etc/fstab"))).toBe(false);
  });

  it("is not touched in a container, which has its host's", () => {
    const program = brought("swap");
    writeFileSync(at("calls"), "");
    expect(run(program, "32").status).toBe(0);
    expect(calls()).toEqual(["systemd-detect-virt --container --quiet"]);
  });
});

describe("the unit opencode-platform", () => {
  /** A Docker with these containers: name, project, service and state. */
  function containers(...rows: readonly (readonly [string, string, string, string])[]): void {
    writeFileSync(at("rows"), rows.map((row) => `${row.join("|")}\n`).join(""));
    const answer = `
case "$1 $*" in
"inspect "*State.Status*) for last; do :; done; awk -F '|' -v name="$last" '$1 == name { print $4 }' ${at("rows")} ;;
"inspect "*) for last; do :; done; if grep -qx "at its gate: $last" ${at("gates")} 2> /dev/null; then : > ${at("gates")}; echo 'healthy|waits for its turn; x'; else echo 'healthy|waits for its turn; x|serving'; fi ;;
"ps "*"{{.Status}}"*) awk -F '|' '$2 != "" { print ($4 == "running" ? "Up 5 minutes (healthy)" : $4 == "paused" ? "Up 2 hours (Paused)" : $4 == "sick" ? "Up 1 hour (unhealthy)" : "Exited (0)") "|" $1 "|" $3 }' ${at("rows")} ;;
"ps "*label=dev.opencode-platform.service*) awk -F '|' '$3 != "" { print $1 }' ${at("rows")} ;;
"ps "*) awk -F '|' '$2 != "" { print $1 " " $3 }' ${at("rows")} ;;
esac`;
    pretend("docker", answer);
    pretend("systemd-notify");
  }
  const program = () => restartProgram(names).replaceAll("/run/opencode-platform.started", at("started"));

  /** Starts it as systemd does, until it says that it is ready. */
  async function start(): Promise<string[]> {
    writeFileSync(at("calls"), "");
    writeFileSync(at("platform"), program());
    chmodSync(at("platform"), 0o755);
    const child = spawn(at("platform"), { env: env(), stdio: "ignore", detached: true });
    await waitFor("its word that it is ready", () =>
      calls().some((line) => line.startsWith("systemd-notify --ready"))
        ? { done: true }
        : { seen: calls().join("\n") },
    );
    process.kill(-(child.pid ?? 0));
    return calls();
  }
  const restarted = (lines: readonly string[]) =>
    lines.flatMap((line) => /^docker restart --time 10 (\S+)$/.exec(line)?.[1] ?? []);

  const running = (name: string) => [name, "", "", "running"] as const;
  const [first, last] = [restartedFirst(names), restartedLast(names)];
  const own = [...last, ...first].map(running);

  it("restarts nothing when it starts with the droplet, and says how projects are", async () => {
    containers(
      ...own,
      ["oc-project-a", "a", "", "running"],
      ["oc-project-b", "b", "", "paused"],
      ["oc-project-c", "c", "", "exited"],
      ["oc-project-d", "d", "", "sick"],
      ["oc-service-a.db", "a", "db", "running"],
    );
    const lines = await start();
    expect(restarted(lines)).toEqual([]);
    expect(lines).toContain(
      "systemd-notify --ready --status=projects: 2 awake, 1 asleep, 1 stopped; unhealthy: oc-project-d",
    );
  });

  it("restarts what runs when it is restarted, in the order of npm run restart", async () => {
    containers(
      ...own,
      ["oc-project-a", "a", "", "running"],
      ["oc-project-asleep", "asleep", "", "paused"],
      ["oc-project-stopped", "stopped", "", "exited"],
      ["oc-service-a.db", "a", "db", "running"],
    );
    expect(restarted(await start())).toEqual([]);
    expect(restarted(await start())).toEqual([...first, "oc-service-a.db", "oc-project-a", ...last]);
  });

  it("goes on from a project that waits at its gate once the keeper has let it go", async () => {
    containers(["oc-project-a", "a", "", "running"]);
    await start();
    writeFileSync(at("gates"), "at its gate: oc-project-a\n");
    const asked = (await start()).filter((line) => /^docker inspect .*Health.* oc-project-a$/.test(line));
    expect(asked).toHaveLength(2);
  });
});

it("the look at disks is a program that a shell reads, and nothing where there are no quotas", () => {
  pretend("btrfs", "exit 1");
  expect(spawnSync("sh", ["-n"], { input: SPACE_PROGRAM }).status).toBe(0);
  expect(run(SPACE_PROGRAM).status).toBe(0);
  expect(calls()).toEqual(["btrfs qgroup show -r --raw /workspaces"]);
});
