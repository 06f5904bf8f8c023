/** The storage container: what it holds, and what it does not. */
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, expect, it } from "vitest";
import type { Host } from "../../components/host/host.ts";
import { Storage } from "../../components/storage/storage.ts";
import { makeNames } from "../../config/naming/names.ts";

const made = new Map<string, Record<string, unknown>>();
/** What a resource is made after. */
const after = new Map<string, unknown>();
let keeper: pulumi.ComponentResource;
beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: ({ name, type, inputs }) => {
      made.set(`${type.split(":").at(-1)} ${name}`, inputs);
      return { id: `${name}-id`, state: inputs as object };
    },
    call: () => ({}),
  });
  const host = {
    provider: new docker.Provider("test"),
    runtimeDir: "/srv/runtime",
    workspacesDir: "/srv/workspaces",
  } as unknown as Host;
  keeper = new pulumi.ComponentResource("test:index:Keeper", "keeper");
  const note: pulumi.ResourceTransformation = ({ name, type, opts }) => {
    after.set(`${type.split(":").at(-1)} ${name}`, opts.dependsOn);
    return undefined;
  };
  const common = { host, names: makeNames("oc"), image: "image", storageVolume: "oc-storage", keeper };
  new Storage("storage", { ...common, ready: Promise.resolve() }, { transformations: [note] });
  const backup = {
    mounts: [{ hostPath: "/srv/backup", containerPath: "/run/storage/backup", readOnly: true }],
    envs: ["RESTIC=1"],
  };
  new Storage("with-backup", { ...common, backup, ready: Promise.resolve() });
  await pulumi.runtime.disconnect();
});

const mounts = (name: string) =>
  ((made.get(`Container ${name}`)?.volumes ?? []) as docker.types.input.ContainerVolume[]).map(
    ({ hostPath, volumeName, containerPath, readOnly }) =>
      `${hostPath ?? volumeName} ${containerPath}${readOnly ? " ro" : ""}`,
  );

it("has all workspaces, what updates write of projects, and the keeper's socket; and no right to Docker", () => {
  expect(mounts("storage")).toEqual([
    "/srv/workspaces /workspaces",
    "/srv/runtime/keeper /run/storage/projects ro",
    "oc-storage /run/keeper/storage",
  ]);
});

it("is root with the rights over files alone, and writes nothing of its own but in memory", () => {
  expect(made.get("Container storage")).toMatchObject({
    name: "oc-storage",
    user: "0:0",
    readOnly: true,
    networkMode: "host",
    securityOpts: ["no-new-privileges"],
    capabilities: {
      drops: ["ALL"],
      adds: [
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_DAC_READ_SEARCH",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_SYS_ADMIN",
      ],
    },
    tmpfs: { "/run/storage-own": expect.stringContaining("mode=0700"), "/tmp": expect.any(String) },
    memory: 512,
    memorySwap: 512,
  });
});

it("is there after the keeper, and with what backups need where a stack has them", () => {
  expect(after.get("Container storage")).toEqual([keeper]);
  expect(mounts("with-backup").at(-1)).toBe("/srv/backup /run/storage/backup ro");
  expect(made.get("Container with-backup")?.envs).toEqual(["MALLOC_ARENA_MAX=1", "RESTIC=1"]);
});
