import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Names } from "../../config/naming/names.ts";
import type { Binary } from "../../config/opencode-releases.ts";
import type { Environment } from "../../config/projects/environment.ts";
import type { CompanySettings } from "../../config/stack/company/index.ts";
import { UV_REQUIREMENT } from "../../config/versions.ts";
import { apiFor, type Processor } from "../../opencode/api/index.ts";
import { companyArguments, networkArguments } from "./build-arguments.ts";
import { type Host, onHost } from "./host.ts";

export interface ImageArgs {
  host: Host;
  names: Names;
  /** The stack's image to build on, and where Node and npm are taken from for others. Needs apt, Node and npm. */
  baseImage: string;
  /** What it is built on, where that is not the stack's alone. */
  environment?: Environment | undefined;
  /** opencode's release. */
  version: string;
  /** Its program for each processor. */
  binaries: Readonly<Record<string, Binary>>;
  /** The day of its last rebuild with fresh packages; empty for none. */
  packages: string;
  /** Whether it has only what the platform itself needs. */
  slim: boolean;
  /** Directory of the Dockerfile. */
  context: string;
  /** The company's network that it is built in. Default: none. */
  company?: CompanySettings;
}

/** The image of the projects' containers that run one release of opencode, built on the host. Its tag follows from what it is built of, so it is stable until that changes. */
export class OpencodeImage extends pulumi.ComponentResource {
  /** `<repository>:<tag>`, known once it is built. */
  readonly reference: pulumi.Output<string>;

  constructor(name: string, args: ImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("opencode:platform:Image", name, {}, opts);
    const { host, names, context, version, company = {} } = args;
    const { major, server } = apiFor(version);
    const packages = Object.entries(args.binaries).map(([processor, { integrity, ...binary }]) => [
      processor,
      { package: binary.package ?? server.npmPackage(processor as Processor), integrity },
    ]);
    const buildArgs = {
      ...environmentArgs(args),
      // Absent without a rebuild, so that the images of stacks that had none keep their tag.
      ...(args.packages ? { PACKAGES: args.packages } : {}),
      ...(args.slim ? { SLIM: "1" } : { UV: UV_REQUIREMENT }),
      ...companyArguments(company),
      OPENCODE_VERSION: version,
      OPENCODE_MAJOR: String(major),
      OPENCODE_PACKAGES: JSON.stringify(Object.fromEntries(packages)),
      OPENCODE_UID: String(host.user.uid),
      OPENCODE_GID: String(host.user.gid),
    };
    const image = new docker.Image(
      name,
      {
        imageName: `${names.image}:${imageTag(context, buildArgs)}`,
        skipPush: true,
        // Relative to the team's repository, so that an update from another one finds nothing changed.
        build: {
          context: relative(process.cwd(), context),
          dockerfile: relative(process.cwd(), join(context, "Dockerfile")),
          // Nothing of the second is in the image, so its tag does not depend on it.
          args: { ...buildArgs, ...networkArguments(company) },
          platform: host.platform,
        },
      },
      { parent: this, ...onHost(host) },
    );
    this.reference = image.imageName;
    this.registerOutputs({ reference: this.reference });
  }
}

/** Of what the image is built on. Absent is what an image without an environment of its own has none of. */
function environmentArgs({ host, names, baseImage, environment }: ImageArgs): Record<string, string> {
  const { built, image = baseImage, packages = [] } = environment ?? {};
  const base = built ? names.devcontainer(built) : host.imageOf(image);
  const tools = host.imageOf(baseImage);
  return {
    BASE_IMAGE: base,
    ...(base === tools ? {} : { TOOLS_IMAGE: tools, OWN_IMAGE: "1" }),
    ...(packages.length > 0 ? { EXTRA_PACKAGES: packages.join(" ") } : {}),
  };
}

/** `<opencode's version>-<hash of the build's inputs>`. */
export function imageTag(context: string, buildArgs: Readonly<Record<string, string>>): string {
  const hash = createHash("sha256").update(JSON.stringify(Object.entries(buildArgs).sort()));
  const files = readdirSync(context, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(context, join(entry.parentPath, entry.name)))
    .filter((path) => /^(Dockerfile|install\.mjs|(build|rootfs)\/.*)$/.test(path))
    .sort();
  for (const path of files) hash.update(`/${path}\0`).update(readFileSync(join(context, path), "utf8"));
  return `${buildArgs.OPENCODE_VERSION}-${hash.digest("hex").slice(0, 12)}`;
}
