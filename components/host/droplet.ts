import * as command from "@pulumi/command";
import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import type { CloudNames } from "../../config/naming/cloud-names.ts";
import type { Names } from "../../config/naming/names.ts";
import type { CompanyProxy } from "../../config/stack/company/proxy.ts";
import type { ProductionSettings } from "../../config/stack/production-schema.ts";
import { settingKey } from "../../config/stack/settings.ts";
import { cloudInit } from "./cloud-init.ts";
import { dropletHost, sshTarget } from "./droplet-host.ts";
import type { Host } from "./host.ts";
import { maintenanceScript, noMaintenanceScript } from "./maintenance.ts";
import { hostKeyScript, releaseVolume, sshCommand, sshCommandAtBoot, waitUntilReady } from "./ssh.ts";
import { type SshAccess, writeSshFiles } from "./ssh-files.ts";
import { upkeepScript } from "./upkeep.ts";
import { userDataWarning } from "./user-data.ts";
import { growScript } from "./volume.ts";

export interface DropletHostArgs {
  settings: ProductionSettings;
  cloud: CloudNames;
  names: Names;
  /** Full hostname of SSH through the tunnel, if connections go through it. */
  tunnelHostname?: string;
  /** The company's proxy. Default: none. */
  proxy?: CompanyProxy | undefined;
  /** The checkout: ssh's files are written below it. */
  checkout: string;
}

/** Properties that DigitalOcean cannot change on a droplet that is there. */
const REPLACED_ON = ["image", "monitoring", "sshKeys", "userData"] as const;
const ANYWHERE = ["0.0.0.0/0", "::/0"];

/** A droplet with a volume for the workspaces, which outlives it. Reached by ssh from the allow-list, or through the tunnel. */
export class DropletHost extends pulumi.ComponentResource {
  readonly host: Host;
  /** How to reach the droplet by ssh. Secret: it holds the private key. */
  readonly ssh: pulumi.Output<SshAccess>;

  private readonly args: DropletHostArgs;
  private readonly child: pulumi.CustomResourceOptions;

  constructor(name: string, args: DropletHostArgs, opts?: pulumi.ComponentResourceOptions) {
    super("opencode:platform:Droplet", name, {}, opts);
    this.args = args;
    this.child = { parent: this };

    const key = this.makeKey();
    const tag = new digitalocean.Tag("tag", { name: args.cloud.base }, this.child);
    const firewall = this.makeFirewall(tag);
    const volume = this.makeVolume(tag);
    const pairing = new random.RandomId("pairing-code", { byteLength: 16 }, this.child);
    const userData = this.renderUserData(pairing);
    const droplet = this.makeDroplet(userData, key.publicKey, tag, firewall);
    this.warnAboutOldUserData(droplet, userData);
    this.group(droplet, volume);
    const attachment = this.attach(volume, droplet);
    const hostKey = this.meet(droplet, pairing, key.privateKey);
    this.ssh = this.describeAccess(droplet, hostKey, key.privateKey);
    const alias = this.writeFiles();
    const ready = this.waitFor(alias, attachment);

    this.host = dropletHost(
      { droplet, cloud: args.cloud, volumeSize: args.settings.volumeSize, ready },
      this.child,
    );
    this.growFileSystem(volume);
    this.allowReboots();
    this.keepUp();
    // The scripts look here too: a first update that fails leaves the stack itself without outputs.
    this.registerOutputs({ address: droplet.ipv4Address, ssh: this.ssh });
  }

  /** The person's own key, or one made here. */
  private makeKey(): { privateKey: pulumi.Output<string>; publicKey: pulumi.Output<string> } {
    const own = this.args.settings.sshPrivateKey;
    if (own) return { privateKey: pulumi.secret(own.privateKey), publicKey: pulumi.output(own.publicKey) };
    const made = new tls.PrivateKey("ssh-key", { algorithm: "ED25519" }, this.child);
    return {
      privateKey: made.privateKeyOpenssh,
      publicKey: made.publicKeyOpenssh.apply((key) => key.trim()),
    };
  }

  /** By tag, so that a droplet is behind it from its first moment. */
  private makeFirewall(tag: digitalocean.Tag): digitalocean.Firewall {
    const { settings, cloud } = this.args;
    const outbound = (protocol: string, portRange?: string) => ({
      protocol,
      ...(portRange ? { portRange } : {}),
      destinationAddresses: ANYWHERE,
    });
    return new digitalocean.Firewall(
      "firewall",
      {
        name: cloud.base,
        tags: [tag.name],
        inboundRules:
          settings.sshAllow.length > 0
            ? [{ protocol: "tcp", portRange: "22", sourceAddresses: [...settings.sshAllow] }]
            : [],
        // "all", because that is how DigitalOcean's answer is read back.
        outboundRules: [outbound("tcp", "all"), outbound("udp", "all"), outbound("icmp")],
      },
      this.child,
    );
  }

  /** Protected: an update never removes or replaces it, unless the setting says otherwise. */
  private makeVolume(tag: digitalocean.Tag): digitalocean.Volume {
    const { settings, cloud } = this.args;
    return new digitalocean.Volume(
      "workspaces",
      {
        name: cloud.volume,
        region: settings.region,
        size: settings.volumeSize,
        // Else it is empty, and the droplet makes a file system that DigitalOcean doesn't (cloud-init.ts).
        ...(settings.volumeSnapshot ? { snapshotId: settings.volumeSnapshot } : {}),
        description: "Workspaces of the opencode platform",
        tags: [tag.name],
      },
      {
        ...this.child,
        protect: settings.protectWorkspaces,
        // No two volumes of a region have one name.
        deleteBeforeReplace: true,
        // Releases up to 0.2 had DigitalOcean make ext4; without this, its property would be gone, and the volume replaced.
        ignoreChanges: ["initialFilesystemType"],
      },
    );
  }

  private renderUserData(pairing: random.RandomId): pulumi.Output<string> {
    const { cloud, names, proxy } = this.args;
    return pairing.hex.apply((pairingCode) => cloudInit({ volume: cloud.volume, names, pairingCode, proxy }));
  }

  /**
   * What would replace the droplet is ignored once it is made, so that nobody's work is cut off by surprise. Its name in the stack carries
   * the setting `dropletGeneration`: a new generation is a new droplet, made before the old one goes.
   */
  private makeDroplet(
    userData: pulumi.Output<string>,
    publicKey: pulumi.Output<string>,
    tag: digitalocean.Tag,
    firewall: digitalocean.Firewall,
  ): digitalocean.Droplet {
    const { settings, cloud } = this.args;
    const key = new digitalocean.SshKey("ssh-key", { name: cloud.base, publicKey }, this.child);
    const vpc = new digitalocean.Vpc("vpc", { name: cloud.base, region: settings.region }, this.child);
    return new digitalocean.Droplet(
      `droplet-${settings.dropletGeneration}`,
      {
        name: cloud.base,
        image: settings.image,
        region: settings.region,
        size: settings.size,
        // The disk keeps its size, so that a droplet can be made smaller again.
        resizeDisk: false,
        vpcUuid: vpc.id,
        sshKeys: [key.id],
        tags: [tag.name],
        userData,
        monitoring: true,
        backups: settings.backups,
        // The volume's last writes reach it before the droplet goes.
        gracefulShutdown: true,
      },
      { ...this.child, dependsOn: [firewall], ignoreChanges: [...REPLACED_ON] },
    );
  }

  private warnAboutOldUserData(droplet: digitalocean.Droplet, userData: pulumi.Output<string>): void {
    const { settings } = this.args;
    const key = settingKey("dropletGeneration");
    pulumi.all([droplet.userData, userData]).apply(([made, wanted]) => {
      const warning = userDataWarning(made, wanted, { key, generation: settings.dropletGeneration });
      return warning === undefined ? undefined : pulumi.log.warn(warning, droplet);
    });
  }

  /** In DigitalOcean's control panel the platform is a project of its own. */
  private group(droplet: digitalocean.Droplet, volume: digitalocean.Volume): void {
    new digitalocean.Project(
      "project",
      {
        name: this.args.cloud.base,
        description: "A team's opencode platform",
        purpose: "Operational / Developer tooling",
        environment: "Production",
        resources: [droplet.dropletUrn, volume.volumeUrn],
      },
      this.child,
    );
  }

  private attach(volume: digitalocean.Volume, droplet: digitalocean.Droplet): digitalocean.VolumeAttachment {
    return new digitalocean.VolumeAttachment(
      "workspaces-attachment",
      { volumeId: volume.id, dropletId: droplet.id.apply(Number) },
      { ...this.child, deleteBeforeReplace: true },
    );
  }

  /** The droplet's host key, which it has proved to be its own. */
  private meet(
    droplet: digitalocean.Droplet,
    pairing: random.RandomId,
    privateKey: pulumi.Output<string>,
  ): pulumi.Output<string> {
    const { tunnelHostname } = this.args;
    const met = new command.local.Command(
      "host-key",
      {
        create: pulumi
          .all([droplet.ipv4Address, pairing.hex])
          .apply(([address, pairingCode]) =>
            hostKeyScript({ address, pairingCode, ...(tunnelHostname ? { tunnelHostname } : {}) }),
          ),
        stdin: privateKey,
        triggers: [droplet.id],
        logging: "none",
      },
      this.child,
    );
    return pulumi.unsecret(met.stdout);
  }

  private describeAccess(
    droplet: digitalocean.Droplet,
    hostKey: pulumi.Output<string>,
    privateKey: pulumi.Output<string>,
  ): pulumi.Output<SshAccess> {
    const { cloud, tunnelHostname } = this.args;
    return pulumi
      .all([droplet.id, droplet.ipv4Address, hostKey, pulumi.secret(privateKey)])
      .apply(([id, address, hostKey, privateKey]) => ({
        name: cloud.base,
        alias: `${cloud.base}-${id}`,
        address,
        hostKey,
        privateKey,
        ...(tunnelHostname ? { tunnelHostname } : {}),
      }));
  }

  /** What follows waits for ssh's files to be there. The droplet's alias is no secret. */
  private writeFiles(): pulumi.Output<string> {
    const { checkout } = this.args;
    const written = this.ssh.apply((access) => {
      writeSshFiles(checkout, pulumi.getStack(), access);
      return access.alias;
    });
    return pulumi.unsecret(written);
  }

  private waitFor(
    alias: pulumi.Output<string>,
    attachment: digitalocean.VolumeAttachment,
  ): command.local.Command {
    return new command.local.Command(
      "ready",
      {
        create: alias.apply((alias) => sshCommandAtBoot(sshTarget(alias), waitUntilReady())),
        // 255 is ssh's own: a droplet that is gone has nothing to let go of.
        delete: alias.apply((alias) => `${sshCommand(sshTarget(alias), releaseVolume())} || [ $? -eq 255 ]`),
        triggers: [attachment.id],
        logging: "none",
      },
      // The old droplet lets go of the volume before it is detached.
      { ...this.child, deleteBeforeReplace: true },
    );
  }

  /** Not by the user data, which a running droplet does not take. */
  private allowReboots(): void {
    const { maintenance } = this.args.settings;
    if (!maintenance) return;
    const scripts = { create: maintenanceScript(maintenance), delete: noMaintenanceScript() };
    this.host.run("maintenance", scripts, this.child);
  }

  /** Neither by the user data. What it says is for whoever updates. */
  private keepUp(): void {
    const create = upkeepScript({ names: this.args.names, swapSize: this.args.settings.swapSize });
    this.host.run("upkeep", { create, logging: "stderr" }, this.child);
  }

  /** A volume that has grown is of use once its file system has, too. Does nothing to one that fills it already. */
  private growFileSystem(volume: digitalocean.Volume): void {
    const create = growScript(this.args.cloud.volume);
    this.host.run("workspaces-size", { create, triggers: [pulumi.interpolate`${volume.size}`] }, this.child);
  }
}
