import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { cloudInit } from "../../components/host/cloud-init.ts";
import { dropletRules } from "../../components/host/packet-rules.ts";
import { FORMAT } from "../../components/host/volume.ts";
import { makeNames } from "../../config/naming/names.ts";

interface File {
  path: string;
  content: string;
  permissions: string;
}

const args = {
  volume: "opencode-prod-workspaces",
  names: makeNames("opencode"),
  pairingCode: "0123456789abcdef",
};
const text = cloudInit(args);
const config = parse(text) as Record<string, unknown> & { write_files: File[] };
const file = (path: string): File => {
  const found = config.write_files.find((candidate) => candidate.path === path);
  if (!found) throw new Error(`no file ${path}`);
  return found;
};
const setup = file("/usr/local/lib/opencode-platform/setup");
const prove = file("/usr/local/lib/opencode-platform/prove-host-key");

const scratch = mkdtempSync(join(tmpdir(), "cloud-init-"));
afterAll(() => rmSync(scratch, { recursive: true }));

describe("cloudInit", () => {
  it("is cloud-config, and small enough for DigitalOcean (64 KiB)", () => {
    expect(text.startsWith("#cloud-config\n")).toBe(true);
    expect(Buffer.byteLength(text)).toBeLessThan(64 * 1024);
  });

  it("is the same for the same arguments, so that an update sees no change", () => {
    expect(cloudInit({ ...args })).toBe(text);
  });

  it("has Docker and apt behind the company's proxy, before either is used", () => {
    const proxy = { http: "http://10.1.2.3:3128", https: "http://[fd00::1]:8080", no: [".corp"] };
    const behind = parse(cloudInit({ ...args, proxy })) as typeof config;
    expect(behind.apt).toEqual({ http_proxy: proxy.http, https_proxy: proxy.https });
    const { write_files: files } = behind;
    const dropIn = files.find(({ path }) => path === "/etc/systemd/system/docker.service.d/proxy.conf");
    expect(dropIn?.content.split("\n")).toEqual([
      "[Service]",
      'Environment="HTTP_PROXY=http://10.1.2.3:3128"',
      'Environment="http_proxy=http://10.1.2.3:3128"',
      'Environment="HTTPS_PROXY=http://[fd00::1]:8080"',
      'Environment="https_proxy=http://[fd00::1]:8080"',
      'Environment="NO_PROXY=localhost,127.0.0.1,::1,.corp"',
      'Environment="no_proxy=localhost,127.0.0.1,::1,.corp"',
      "",
    ]);
    expect(config).not.toHaveProperty("apt");
    expect(text).not.toContain("PROXY");
  });

  it("lets in keys only, and forwards nothing", () => {
    expect(config).toMatchObject({ ssh_pwauth: false, disable_root: false });
    const { content } = file("/etc/ssh/sshd_config.d/10-opencode-platform.conf");
    for (const line of ["PasswordAuthentication no", "AllowTcpForwarding no", "AllowAgentForwarding no"])
      expect(content.split("\n")).toContain(line);
  });

  it("gives Docker settings that are JSON, and leaves the networks to keep their containers apart", () => {
    const daemon = JSON.parse(file("/etc/docker/daemon.json").content) as Record<string, unknown>;
    expect(daemon).toMatchObject({ "live-restore": true, "log-opts": { "max-size": "10m" } });
    expect(daemon).not.toHaveProperty("icc");
  });

  it("mounts the volume by its name before Docker starts", () => {
    expect(file("/etc/systemd/system/workspaces.mount").content).toContain(
      "What=/dev/disk/by-id/scsi-0DO_Volume_opencode-prod-workspaces\nWhere=/workspaces\n",
    );
    expect(file("/etc/systemd/system/docker.service.d/workspaces.conf").content).toContain(
      "RequiresMountsFor=/workspaces",
    );
  });

  it("lets Docker start only with the packet rules, which are for IPv4 and IPv6 in one transaction", () => {
    expect(file("/etc/systemd/system/docker.service.d/guard.conf").content).toBe(
      "[Unit]\nRequires=opencode-guard.service\nAfter=opencode-guard.service\n",
    );
    const unit = file("/etc/systemd/system/opencode-guard.service").content;
    expect(unit.match(/^ExecStart=.*/gm)).toEqual([
      "ExecStart=/usr/sbin/nft -f /usr/local/lib/opencode-platform/guard.nft",
    ]);
    expect(unit).toContain("WantedBy=multi-user.target");
    expect(config.packages).toContain("nftables");
    expect(file("/usr/local/lib/opencode-platform/guard.nft").content).toBe(dropletRules(args.names));
  });

  it("raises the kernel's limits of a user id, which all projects share", () => {
    const { content } = file("/etc/sysctl.d/60-opencode-platform.conf");
    for (const key of ["max_user_instances", "max_user_watches"])
      expect(Number(new RegExp(`^fs.inotify.${key} = (\\d+)$`, "m").exec(content)?.[1])).toBeGreaterThan(
        2 ** 20,
      );
    expect(setup.content).toContain("sysctl --quiet --system || :\n");
  });

  it("makes btrfs on a volume that is empty, without a type that would keep another from being mounted", () => {
    expect(config.packages).toContain("btrfs-progs");
    expect(file("/etc/systemd/system/workspaces.mount").content).not.toContain("Type=");
    const order = ["\nformat '/dev/disk/by-id/", "systemctl enable --now workspaces.mount\nquotas\n"];
    const places = order.map((text) => setup.content.indexOf(text));
    expect(places.every((place) => place > 0)).toBe(true);
    expect(places).toEqual([...places].sort((one, other) => one - other));
  });

  it.each([
    ["nothing at all", 2, true],
    ["a file system or partitions", 0, false],
    ["what could be two things", 8, false],
  ])("formats a device on which there is %s only if that is nothing", (_, code, formats) => {
    const script = `blkid() { return ${code}; }\nmkfs.btrfs() { echo "mkfs $*"; }\n${FORMAT}\nset -eu\nformat /dev/x\necho done\n`;
    const said = execFileSync("sh", ["-c", script.replaceAll("mkfs.btrfs", "mkfs")], { encoding: "utf8" });
    expect(said).toBe(formats ? "mkfs -q /dev/x\ndone\n" : "done\n");
  });

  it("has scripts that only root reads and that a shell can parse", () => {
    for (const { content, permissions } of [setup, prove]) {
      expect(permissions).toBe("0700");
      const path = join(scratch, "script");
      writeFileSync(path, content);
      execFileSync("sh", ["-n", path]);
    }
  });

  it("proves the host key with the pairing code and the key, without its comment", () => {
    const key = join(scratch, "key.pub");
    writeFileSync(key, "ssh-ed25519 AAAAC3 root@droplet\n");
    const script = prove.content.replace("/etc/ssh/ssh_host_ed25519_key.pub", key);
    const said = execFileSync("sh", ["-c", script], { encoding: "utf8" }).trim();
    const wanted = createHash("sha256").update("0123456789abcdef ssh-ed25519 AAAAC3").digest("hex");
    expect(said).toBe(wanted);
  });
});
