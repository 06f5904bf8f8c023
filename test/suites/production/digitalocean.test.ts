/**
 * The stand-in for DigitalOcean: its droplets, volumes and firewalls behave as the platform's tests assume.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssh2 from "ssh2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BASE_IMAGE } from "../../../config/versions.ts";
import {
  type DigitalOcean,
  PLATFORM_SCOPES,
  startDigitalOcean,
} from "../../../lab/clouds/digitalocean/index.ts";
import { type Ran, run } from "../../support/run.ts";
import { waitFor } from "../../support/wait.ts";

const TOKEN = "dop_v1_standin";
const VOLUME = "workspaces";
const MINUTE = 60_000;
const USER_DATA = `#cloud-config
packages: [docker.io]
apt: {conf: 'APT::Install-Recommends "false";'}
mounts: [["/dev/disk/by-id/scsi-0DO_Volume_${VOLUME}", /workspaces, ext4, "defaults,nofail", "0", "2"]]
runcmd:
  - iptables -I DOCKER-USER -d 169.254.169.254 -j DROP
`;

let cloud: DigitalOcean;
let folder: string;
let droplet = 0;
let volume = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "standin-ssh-"));
  const { private: key, public: publicKey } = ssh2.utils.generateKeyPairSync("ed25519");
  writeFileSync(join(folder, "id"), key, { mode: 0o600 });
  cloud = await startDigitalOcean({
    name: "standin-test",
    token: TOKEN,
    scopes: [...PLATFORM_SCOPES, "block_storage_snapshot:create"],
    around: async (gateway) => ({
      hosts: { "edge.example.com": gateway },
      images: [{ image: BASE_IMAGE }],
    }),
  });
  await ask("POST", "/v2/account/keys", { name: "test", public_key: publicKey });
  await ask("POST", "/v2/tags", { name: "opencode" });
  await ask("POST", "/v2/firewalls", firewall("22", `${cloud.gateway}/32`));
});

afterAll(async () => {
  await cloud?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function ask<T = unknown>(method: string, path: string, body?: object): Promise<T> {
  const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
  const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
  const response = await fetch(`${cloud.url}${path}`, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text ? JSON.parse(text) : undefined) as T;
}

const firewall = (ports: string | undefined, from = "") => ({
  name: "opencode",
  tags: ["opencode"],
  inbound_rules: ports ? [{ protocol: "tcp", ports, sources: { addresses: [from] } }] : null,
  outbound_rules: ["tcp", "udp"].map((protocol) => ({
    protocol,
    ports: "all",
    destinations: { addresses: ["0.0.0.0/0", "::/0"] },
  })),
});

async function boot(): Promise<number> {
  const [key] = cloud.sshKeys();
  const said = { name: "opencode-test", region: "fra1", size: "s-4vcpu-8gb", image: "debian-12-x64" };
  const more = { ssh_keys: [key?.id], tags: ["opencode"], user_data: USER_DATA, monitoring: true };
  const made = await ask<{ droplet: { id: number; status: string } }>("POST", "/v2/droplets", {
    ...said,
    ...more,
  });
  expect(made.droplet.status).toBe("new");
  await cloud.settle();
  expect(cloud.failures).toEqual([]);
  return made.droplet.id;
}

async function act(path: string, body: object): Promise<void> {
  await ask("POST", `${path}/actions`, body);
  await cloud.settle();
  expect(cloud.failures).toEqual([]);
}

const addressOf = (id: number): string => cloud.droplets().find((each) => each.id === id)?.ip ?? "";

/** Runs a command on the droplet by SSH, as root. */
function ssh(command: string, id = droplet): Promise<Ran> {
  const options = [
    "StrictHostKeyChecking=no",
    `UserKnownHostsFile=${join(folder, "hosts")}`,
    "ConnectTimeout=3",
    "BatchMode=yes",
    "LogLevel=ERROR",
  ].flatMap((option) => ["-o", option]);
  return run("ssh", ["-i", join(folder, "id"), ...options, `root@${addressOf(id)}`, command]);
}

async function on(command: string): Promise<string> {
  const { code, output } = await ssh(command);
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${output}`);
  return output.trim();
}

/** Waits until cloud-init is done. */
const booted = (id: number) =>
  waitFor(
    "cloud-init",
    async () => {
      const { stdout, output } = await ssh("cloud-init status --long", id);
      if (/status: error/.test(stdout)) throw new Error(output);
      return /status: done/.test(stdout) ? { done: undefined } : { seen: output };
    },
    { within: 10 * MINUTE, every: 1000 },
  );

describe("a droplet", () => {
  it("boots with its user data, and is reachable by SSH with its key", async () => {
    const made = await ask<{ volume: { id: string } }>("POST", "/v2/volumes", {
      name: VOLUME,
      region: "fra1",
      size_gigabytes: 1,
      filesystem_type: "ext4",
    });
    volume = made.volume.id;
    droplet = await boot();
    await act(`/v2/volumes/${volume}`, { type: "attach", droplet_id: droplet });
    await booted(droplet);
    expect(await on("hostname")).toBe("opencode-test");
    expect(await on("ls /etc/ssh/ssh_host_ed25519_key")).toBeTruthy();
  });

  it("has its volume mounted", async () => {
    await on("mountpoint -q /workspaces || mount /workspaces; echo kept > /workspaces/file");
    expect(await on("findmnt -no FSTYPE /workspaces")).toBe("ext4");
    expect(await on("readlink /dev/disk/by-id/scsi-0DO_Volume_workspaces")).toMatch(/^\.\.\/\.\.\/\w+$/);
  });

  it("has its own Docker with the images, which runs containers on all kinds of networks", async () => {
    expect(await on("docker info --format '{{.Driver}}'")).toBe("overlay2");
    const serve = `require("http").createServer((q,s)=>s.end("hello")).listen(80)`;
    await on("docker network create -o com.docker.network.bridge.enable_icc=false inner");
    await on(
      `docker run -d --name web --network inner --memory 100m --memory-swap 100m -p 127.0.0.1:5000:80 -v /workspaces:/w ${BASE_IMAGE} node -e '${serve}'`,
    );
    const get = `fetch("http://127.0.0.1:5000").then(r=>r.text()).then(console.log)`;
    expect(await on(`sleep 1; docker run --rm --network host ${BASE_IMAGE} node -e '${get}'`)).toBe("hello");
  });

  it("builds images with packages from registries", async () => {
    const dockerfile = `FROM ${BASE_IMAGE}\\nRUN npm view left-pad version\\n`;
    expect(await on(`printf '${dockerfile}' | docker build -q -`)).toMatch(/^sha256:/);
  });

  it("has the given hosts, and its metadata", async () => {
    expect(await on("getent hosts edge.example.com")).toContain(cloud.gateway);
    expect(await on("curl -s http://169.254.169.254/metadata/v1/id")).toBe(String(droplet));
    expect(await on("curl -s http://169.254.169.254/metadata/v1/interfaces/public/0/ipv4/address")).toBe(
      addressOf(droplet),
    );
    const { code } = await ssh(
      `docker exec web node -e 'fetch("http://169.254.169.254/metadata/v1/id",{signal:AbortSignal.timeout(2000)}).catch(()=>process.exit(1))'`,
    );
    expect(code).toBe(1);
  });

  it("is open for what a firewall allows, to the allowed sources", async () => {
    await on("systemd-run --unit other python3 -m http.server 8099");
    const get = () => run("curl", ["-s", "-m", "2", "-o", "/dev/null", `http://${addressOf(droplet)}:8099/`]);
    expect((await get()).code).not.toBe(0);
    expect(await cloud.connectFromElsewhere(droplet, 22)).toBe("refused");
    const id = cloud.firewalls()[0]?.id;
    await ask("PUT", `/v2/firewalls/${id}`, firewall("1-65535", "0.0.0.0/0"));
    expect(await cloud.connectFromElsewhere(droplet, 22)).toBe("connected");
    await waitFor("port 8099", async () =>
      (await get()).code === 0 ? { done: undefined } : { seen: "closed" },
    );
    await ask("PUT", `/v2/firewalls/${id}`, firewall(undefined));
    expect((await ssh("true")).code).toBe(255);
    expect((await get()).code).not.toBe(0);
    await ask("PUT", `/v2/firewalls/${id}`, firewall("22", `${cloud.gateway}/32`));
    expect((await ssh("true")).code).toBe(0);
  });

  it("loses a detached volume, mounted or not, and gets it back when it is attached", async () => {
    expect(await on("docker exec web cat /w/file")).toBe("kept");
    await act(`/v2/volumes/${volume}`, { type: "detach", droplet_id: droplet });
    expect((await ssh("findmnt /workspaces")).code).toBe(1);
    expect(await on("docker exec web ls -A /w")).toBe("");
    await act(`/v2/volumes/${volume}`, { type: "attach", droplet_id: droplet });
    expect(await on("mount /workspaces && cat /workspaces/file")).toBe("kept");
  });

  it("reboots with its volume mounted", async () => {
    await act(`/v2/droplets/${droplet}`, { type: "reboot" });
    // sshd responds before Docker has started.
    await waitFor("the volume and Docker", async () => {
      const { code, stdout } = await ssh("cat /workspaces/file && systemctl is-active docker");
      return code === 0 && stdout.trim() === "kept\nactive"
        ? { done: undefined }
        : { seen: stdout || "no answer" };
    });
  });

  it("is removed when it is destroyed; its volume and a snapshot's copy stay", async () => {
    await on("sync");
    await cloud.destroyOutside(droplet);
    await expect(ask("GET", `/v2/droplets/${droplet}`)).rejects.toThrow("404");
    expect(cloud.volumes()).toMatchObject([{ id: volume, dropletId: undefined }]);
    const snapshots = `/v2/volumes/${volume}/snapshots`;
    const { snapshot } = await ask<{ snapshot: { id: string } }>("POST", snapshots, { name: "before" });
    const copy = { name: "restored", region: "fra1", size_gigabytes: 2, snapshot_id: snapshot.id };
    const restored = await ask<{ volume: { id: string } }>("POST", "/v2/volumes", copy);
    const second = await boot();
    for (const id of [volume, restored.volume.id])
      await act(`/v2/volumes/${id}`, { type: "attach", droplet_id: second });
    for (const name of [VOLUME, "restored"]) {
      const script = `mount -o ro /dev/disk/by-id/scsi-0DO_Volume_${name} /mnt && cat /mnt/file && umount /mnt`;
      const { stdout } = await cloud.exec(second, ["sh", "-c", script]);
      expect(stdout).toBe("kept\n");
    }
  });

  it("had only responses that match the API's description", () => {
    expect([...cloud.violations, ...cloud.failures, ...cloud.missingScopes]).toEqual([]);
  });
});

describe("the end", () => {
  it("leaves nothing on this machine", async () => {
    await cloud.stop();
    const left = await Promise.all([
      run("docker", ["ps", "-aq", "--filter", "label=standin.digitalocean=standin-test"]),
      run("docker", ["volume", "ls", "-q", "--filter", "label=standin.digitalocean=standin-test"]),
      run("docker", ["network", "ls", "-q", "--filter", "label=standin.digitalocean=standin-test"]),
      run("sh", ["-c", "losetup --list --noheadings --output BACK-FILE | grep standin-test"]),
    ]);
    expect(left.map(({ stdout }) => stdout)).toEqual(["", "", "", ""]);
  });
});
