import "./components/program/quick-start.ts";
import { Guard } from "./components/host/guard.ts";
import { localHost } from "./components/host/host.ts";
import { OpencodeImages } from "./components/host/images.ts";
import { Network } from "./components/host/network.ts";
import { Keeper } from "./components/keeper/keeper.ts";
import { loadPlatform } from "./components/program/load.ts";
import { updateScope } from "./components/program/scope.ts";
import { takeTurn } from "./components/program/turn.ts";
import { companyOf } from "./components/project/company.ts";
import { OpencodeProject } from "./components/project/project.ts";
import { makeWorkspaces } from "./components/project/workspaces.ts";
import { TraefikProxy } from "./components/proxy/proxy.ts";
import { Backup } from "./components/storage/backup.ts";
import { Storage } from "./components/storage/storage.ts";
import { proxyEndpoints } from "./config/stack/company/proxy.ts";

// The folder of projects.yaml, in which Pulumi runs the program: this one, or a team's repository that has it as a package.
const checkout = process.cwd();
const platform = await loadPlatform(checkout);
const { settings, names, urls, entries } = platform;
const scope = await updateScope(platform, checkout);

// Another stack than `local` is on a droplet, and loads what that needs.
const production =
  platform.production &&
  (await (
    await import("./components/program/production.ts")
  ).makeProduction(platform.production, names, checkout));
const host = production?.host ?? localHost(settings, checkout);
const workspaces = makeWorkspaces(host, entries);
const network = new Network("network", { host, names });
const images = new OpencodeImages({
  host,
  names,
  baseImage: settings.baseImage,
  packages: settings.packages,
  slim: settings.slimImage,
  context: `${import.meta.dirname}/opencode`,
  company: settings,
  releases: platform.releases,
});
const guard = new Guard("guard", {
  host,
  names,
  image: images.own,
  projects: entries,
  proxies: proxyEndpoints(settings.proxy),
});
const ready = Promise.all([workspaces, guard.inForce]);
const keeper = new Keeper("keeper", {
  host,
  names,
  image: images.own,
  port: settings.port,
  hasReducedPanel: production !== undefined && settings.panel.enabled && settings.panel.apply === "ci",
});
// What the storage container gets of it: its mounts, variables, and what they depend on.
const backup =
  settings.backup &&
  new Backup("backup", {
    host,
    names,
    settings: settings.backup,
    secrets: settings,
    proxy: settings.proxy,
    bucket: settings.backup.to.kind === "spaces" ? production?.backupBucket() : undefined,
    protect: platform.production?.settings.protectWorkspaces ?? false,
    hasTimer: production !== undefined,
  });
new Storage("storage", {
  host,
  names,
  image: images.own,
  storageVolume: keeper.storageVolume,
  keeper: keeper.container,
  ready: workspaces,
  ...(backup && { backup }),
});
const proxy = new TraefikProxy("traefik", {
  host,
  names,
  network: network.name,
  image: images.own,
  wakeVolume: keeper.wakeVolume,
  dockerVolume: keeper.dockerVolume,
  keeper: keeper.container,
  port: settings.port,
  urls: platform.production?.urls,
});
const edge = production?.publish({
  names,
  port: settings.port,
  projects: entries,
  admins: settings.panel.admins,
  panelMachines: settings.panel.machines,
});

const opencodes: OpencodeProject[] = [];
for (const project of scope.declared) {
  opencodes.push(
    new OpencodeProject({
      host,
      names,
      urls,
      project,
      image: images.of(project.opencode.version, platform.packagesOf(project.name), project.environment),
      ready,
      routesDir: proxy.routesDir,
      gatewayPort: settings.port,
      indexDir: proxy.indexDir,
      admitted: platform.production?.accessListOf(project),
      secrets: platform.secretsOf(project),
      company: companyOf(settings, project, urls, platform.registrySecretsOf(project)),
      passwordRotation: platform.passwordRotationOf(project.name),
    }),
  );
  await takeTurn();
}

const panel =
  edge &&
  production?.panel({
    names,
    image: images.own,
    routesDir: proxy.routesDir,
    access: edge.panel,
    dockerVolume: keeper.panelDockerVolume,
    keeper: keeper.container,
    projects: opencodes,
  });

export default {
  ...scope.outputs(opencodes),
  /** What backups are encrypted with. */
  ...(backup ? { backupPassword: backup.password } : {}),
  /** How a droplet is reached, and what machines show to pass Access: by purpose, and CI's by itself. Secret, all of it. */
  ...(production && edge ? { ssh: production.ssh, serviceTokens: edge.serviceTokens } : {}),
  ...(edge?.sshToken ? { serviceToken: edge.sshToken } : {}),
  /** What the panel's repository has to know to be pulled and pushed. */
  ...(panel ? { panelDeployKey: panel.deployKey } : {}),
};
