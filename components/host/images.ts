import type * as pulumi from "@pulumi/pulumi";
import { imageResource } from "../../config/naming/urns.ts";
import type { Releases } from "../../config/opencode-releases.ts";
import { type Environment, environmentKey } from "../../config/projects/environment.ts";
import { OPENCODE } from "../../config/versions.ts";
import { type ImageArgs, OpencodeImage } from "./image.ts";

export interface ImagesArgs extends Omit<ImageArgs, "version" | "binaries" | "environment"> {
  /** The releases that there can be images of. */
  releases: Releases;
}

/** An image for each release of opencode and each environment that projects ask for, which those that ask for the same share, and one for the platform's own containers. */
export class OpencodeImages {
  private readonly args: ImagesArgs;
  private readonly made = new Map<string, OpencodeImage>();

  constructor(args: ImagesArgs) {
    this.args = args;
  }

  /** The platform's own, of the release that projects run by default. It keeps the name that it had when it was the only one. */
  get own(): pulumi.Output<string> {
    return this.of(OPENCODE);
  }

  /**
   * The image of a release, built when the first project asks for it.
   * @param packages the day of its packages. Default: the stack's
   * @param environment what it is built on. Default: the stack's alone
   */
  of(version: string, packages = this.args.packages, environment?: Environment): pulumi.Output<string> {
    const { releases, ...args } = this.args;
    const name = imageResource(version, packages, args.packages, environmentKey(environment, args.baseImage));
    const binaries = releases[version] ?? {};
    const image =
      this.made.get(name) ?? new OpencodeImage(name, { ...args, version, packages, binaries, environment });
    this.made.set(name, image);
    return image.reference;
  }
}
