import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { CloudNames } from "../../config/naming/cloud-names.ts";
import { spacesRegion } from "../../config/stack/backup-target.ts";

export interface SpacesArgs {
  cloud: CloudNames;
  /** Of the droplet: the bucket is made near it, and stays where it is when the droplet moves. */
  region: string;
}

/**
 * A private bucket for backups, which keeps what is overwritten or deleted in it for a month; and a key that reaches no other bucket. No update removes it, or
 * has another one take its place: a stack that no longer has it leaves it at DigitalOcean, with all that is in it.
 */
export class BackupBucket extends pulumi.ComponentResource {
  readonly url: pulumi.Output<string>;
  readonly bucket: pulumi.Output<string>;
  readonly keyId: pulumi.Output<string>;
  readonly keySecret: pulumi.Output<string>;

  constructor(
    name: string,
    { cloud, region: dropletRegion }: SpacesArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("opencode:platform:BackupBucket", name, {}, opts);
    const region = spacesRegion(dropletRegion);
    // All customers of a region share the names.
    const suffix = new random.RandomId("backup-bucket-suffix", { byteLength: 4 }, { parent: this });
    const bucket = new digitalocean.SpacesBucket(
      "backup-bucket",
      {
        name: pulumi.interpolate`${cloud.base}-backups-${suffix.hex}`,
        region,
        acl: "private",
        versioning: { enabled: true },
        lifecycleRules: [
          {
            enabled: true,
            noncurrentVersionExpiration: { days: KEPT_DAYS },
            abortIncompleteMultipartUploadDays: 7,
          },
        ],
      },
      { parent: this, retainOnDelete: true, ignoreChanges: ["region", "name"] },
    );
    const key = new digitalocean.SpacesKey(
      "backup-key",
      { name: `${cloud.base} backups`, grants: [{ bucket: bucket.name, permission: "readwrite" }] },
      { parent: this, additionalSecretOutputs: ["secretKey"] },
    );
    this.url = pulumi.interpolate`https://${bucket.region}.digitaloceanspaces.com`;
    this.bucket = bucket.name;
    this.keyId = key.accessKey;
    this.keySecret = pulumi.secret(key.secretKey);
    this.registerOutputs({});
  }
}

/** How long what was deleted can be had back at DigitalOcean. */
const KEPT_DAYS = 30;
