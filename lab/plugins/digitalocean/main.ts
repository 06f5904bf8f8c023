/** Stand-in for pulumi-resource-digitalocean, as far as this project's stacks use it. */
import { serveProvider } from "../shared/provider.ts";
import { checkConfig, configure } from "./client.ts";
import { droplet } from "./droplet.ts";
import { firewall } from "./firewall.ts";
import { project, projectResources } from "./project.ts";
import { spacesBucket } from "./spacesBucket.ts";
import { spacesKey } from "./spacesKey.ts";
import { sshKey } from "./sshKey.ts";
import { tag } from "./tag.ts";
import { volume } from "./volume.ts";
import { volumeAttachment } from "./volumeAttachment.ts";
import { vpc } from "./vpc.ts";

await serveProvider({
  name: "digitalocean",
  resources: {
    "digitalocean:index/droplet:Droplet": droplet,
    "digitalocean:index/firewall:Firewall": firewall,
    "digitalocean:index/project:Project": project,
    "digitalocean:index/projectResources:ProjectResources": projectResources,
    "digitalocean:index/spacesBucket:SpacesBucket": spacesBucket,
    "digitalocean:index/spacesKey:SpacesKey": spacesKey,
    "digitalocean:index/sshKey:SshKey": sshKey,
    "digitalocean:index/tag:Tag": tag,
    "digitalocean:index/volume:Volume": volume,
    "digitalocean:index/volumeAttachment:VolumeAttachment": volumeAttachment,
    "digitalocean:index/vpc:Vpc": vpc,
  },
  checkConfig,
  configure,
});
