/** Images in a new droplet's Docker, as it can't reach a registry. */
import { cpSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DROPLET_IMAGE } from "../../../../config/naming/names.ts";
import { mustExec } from "../../../../toolchain/lib/exec.ts";
import type { MachineNames } from "./names.ts";
import { command, docker, tryDocker } from "./shell.ts";

/** An image: in a `docker save` archive, or in this machine's own Docker. */
export type ImageSource = { archive: string } | { image: string };

/** Directories of Docker's data that images need; Docker recreates the rest. */
const KEPT = ["image", "overlay2"];
const READY_TRIES = 60;

/** Flags to run Docker in a container; some machines do not allow a full `--privileged`. */
export const NESTED_DOCKER = [
  "--cgroupns=private",
  ...["--cap-add=ALL", "--cap-drop=SYS_RESOURCE"],
  ...["--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined"],
];

/** Loads the images once, with a temporary Docker; each droplet gets a copy of the result. */
export async function makeTemplate(names: MachineNames, images: readonly ImageSource[]): Promise<void> {
  if (images.length === 0) return;
  await docker("volume", "create", "--label", names.label, names.template);
  const name = `${names.template}-loader`;
  const mounts = ["--volume", `${names.template}:/var/lib/docker`, "--tmpfs", "/run"];
  const own = ["--label", names.label, "--name", name, "--entrypoint", "/bin/sh"];
  await docker("run", "--detach", ...own, ...NESTED_DOCKER, ...mounts, DROPLET_IMAGE, "-ec", LOADER);
  try {
    await untilReady(name);
    for (const source of images) await load(name, source);
  } finally {
    await tryDocker("stop", "--time", "20", name);
    await tryDocker("rm", "--force", "--volumes", name);
  }
}

/** Unpacks Docker's packages, which are archived in the image, and runs it without a network. */
const LOADER = `
cd /var/cache/apt/archives
for package in docker.io_*.deb containerd_*.deb runc_*.deb; do dpkg-deb --extract "$package" /opt/docker; done
export PATH="/opt/docker/usr/sbin:/opt/docker/usr/bin:$PATH"
exec dockerd --bridge=none --iptables=false --ip-forward=false --exec-root=/run/docker
`;
const CLIENT = "/opt/docker/usr/bin/docker";

async function untilReady(name: string): Promise<void> {
  for (let tries = 0; tries < READY_TRIES; tries++) {
    if ((await tryDocker("exec", name, CLIENT, "version")).code === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const { stdout, stderr } = await tryDocker("logs", "--tail", "20", name);
  throw new Error(`the Docker that loads the droplets' images did not start:\n${stdout}${stderr}`);
}

async function load(name: string, source: ImageSource): Promise<void> {
  const script =
    "image" in source
      ? 'docker save "$1" | docker exec --interactive "$2" "$3" load --quiet'
      : 'docker exec --interactive "$2" "$3" load --quiet < "$1"';
  const what = "image" in source ? source.image : source.archive;
  const args = ["-o", "pipefail", "-ec", script, "bash", what, name, CLIENT];
  await mustExec("bash", args, { timeoutMs: 300_000 });
}

/** Fills a droplet's Docker directory from the template, with hard links: layers are never written to. */
export async function copyTemplate(names: MachineNames, dropletId: number): Promise<void> {
  await docker("volume", "create", "--label", names.label, names.data(dropletId));
  const { code, stdout } = await tryDocker(
    "volume",
    "inspect",
    "--format",
    "{{.Mountpoint}}",
    names.template,
  );
  if (code !== 0) return;
  const from = stdout.trim();
  const to = await docker("volume", "inspect", "--format", "{{.Mountpoint}}", names.data(dropletId));
  for (const folder of KEPT) {
    if (!existsSync(join(from, folder))) continue;
    if (folder === "overlay2") await command("cp", "--archive", "--link", join(from, folder), to);
    else cpSync(join(from, folder), join(to, folder), { recursive: true, preserveTimestamps: true });
  }
  rmSync(join(to, "overlay2", "backingFsBlockDev"), { force: true });
}
