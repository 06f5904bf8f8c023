/** A host that notes its commands rather than running them, for components in a program with mocks. */
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Host, HostCommandArgs } from "../../components/host/host.ts";

class NotedCommand extends pulumi.CustomResource {
  constructor(name: string, args: HostCommandArgs, opts: pulumi.CustomResourceOptions) {
    super("test:index:Command", name, { ...args }, opts);
  }
}

/** @param note receives each command that it is given */
export const notingHost = (
  note: (name: string, args: HostCommandArgs, opts: pulumi.CustomResourceOptions) => void,
): Host => ({
  provider: new docker.Provider("test"),
  address: "127.0.0.1",
  workspacesDir: "/srv/it's here",
  runtimeDir: "/srv/runtime",
  platform: "linux/amd64",
  imageOf: (image) => image,
  dockerSocket: "/var/run/docker.sock",
  needsGuard: false,
  user: { uid: 1234, gid: 5678 },
  remote: (script) => script,
  makeDirectory: (path) => `make ${path}`,
  makeDirectoryOf: (project, path) => `make ${path} for ${project}`,
  userOf: (project) => ({ uid: project === "own" ? 4321 : 1234, gid: 5678 }),
  run(name, args, opts) {
    note(name, args, opts);
    return new NotedCommand(name, args, opts);
  },
});
