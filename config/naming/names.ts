import { createHash } from "node:crypto";

/**
 * The one place that names what the platform makes. Everything starts with the stack's prefix (default `opencode`),
 * so that two stacks can share a Docker daemon.
 */
export interface Names {
  readonly prefix: string;
  /** The bridge network of the notice page. */
  readonly network: string;
  /** The bridge network of a project's container, which no other container is on. */
  projectNetwork(name: string): string;
  /** Its interface on the host, by which packet rules know the project. */
  projectBridge(name: string): string;
  /** The bridge network of a project's services, which its container is on as well; and that network's interface. */
  servicesNetwork(name: string): string;
  servicesBridge(name: string): string;
  /** What the names of all those interfaces begin with. */
  readonly bridgePrefix: string;
  /** The table of packet rules, for nft. */
  readonly packetTable: string;
  /** Keeps the packet rules in force. */
  readonly guard: string;
  /** Puts projects to sleep, and wakes them. */
  readonly keeper: string;
  /** The volumes of its sockets: what the notice page asks it by, and Docker's own for the gateway, with less than Docker gives. */
  readonly wakeVolume: string;
  readonly dockerVolume: string;
  /** And for a panel that runs no updates, with a little more. */
  readonly panelDockerVolume: string;
  /** Has all workspaces, and does to them whatever is done to them as a whole; and the volume by whose socket it asks the keeper. */
  readonly storage: string;
  readonly storageVolume: string;
  readonly traefik: string;
  /** Serves the plain pages for projects that are stopped, starting or unknown. */
  readonly notice: string;
  /** The tunnel's connector, on a droplet. */
  readonly connector: string;
  /** The panel, where it is a container. */
  readonly panel: string;
  /** The container of a project. */
  project(name: string): string;
  /** The container of a service. No name of a project or service has a dot. */
  service(project: string, service: string): string;
  /** The image that projects and the notice page run, without its tag. */
  readonly image: string;
  /** An image that was built of a devcontainer.json. Three parts and no registry: nothing of Docker Hub has such a name. @param built `<project>:<what it is built of>` */
  devcontainer(built: string): string;
  /** Every container, network and image of the platform carries this label, with the prefix as its value. */
  readonly platformLabel: string;
  /** Every container of a project carries this label, with the project's name as its value. */
  readonly projectLabel: string;
  /** A container of a service carries that label, too, and this one with its own name. */
  readonly serviceLabel: string;
}

/** The disk of the tests' stand-in droplets: `npm run down` keeps it, since it takes minutes to make. */
export const DROPLET_IMAGE = "opencode-platform-droplet:debian-12-2";

/** Containers carry this label, with the stack's prefix as the value: it says what may be cleaned up as ours. */
export const PLATFORM_LABEL = "dev.opencode-platform.prefix";
/** A project's container carries this label, with the project's name as the value. */
export const PROJECT_LABEL = "dev.opencode-platform.project";
/** A service's container carries that of its project, too: by this one it is told from the project's own. */
export const SERVICE_LABEL = "dev.opencode-platform.service";

/** Digits of base 36: an interface's name has 15 characters, and must say the stack and the project. */
const shortHash = (text: string, length: number): string =>
  BigInt(`0x${createHash("sha256").update(text).digest("hex")}`)
    .toString(36)
    .slice(-length);

export function makeNames(prefix: string): Names {
  // Docker's own are br-<hexadecimal digits>, of which p is none. Two stacks of one machine share one in 60 million cases.
  const bridgePrefix = `${BRIDGE_PREFIX}${shortHash(prefix, 5)}`;
  return {
    prefix,
    network: prefix,
    projectNetwork: (name) => `${prefix}-network-${name}`,
    projectBridge: (name) => `${bridgePrefix}${shortHash(`${prefix}/${name}`, 6)}`,
    servicesNetwork: (name) => `${prefix}-services-${name}`,
    servicesBridge: (name) => `${bridgePrefix}${shortHash(`${prefix}/${name}/services`, 6)}`,
    bridgePrefix,
    packetTable: `opencode_${prefix.replaceAll("-", "_")}`,
    guard: `${prefix}-guard`,
    keeper: `${prefix}-keeper`,
    wakeVolume: `${prefix}-wake`,
    dockerVolume: `${prefix}-docker`,
    panelDockerVolume: `${prefix}-docker-panel`,
    storage: `${prefix}-storage`,
    storageVolume: `${prefix}-storage`,
    traefik: `${prefix}-traefik`,
    notice: `${prefix}-notice`,
    connector: `${prefix}-connector`,
    panel: `${prefix}-panel`,
    project: (name) => `${prefix}-project-${name}`,
    service: (project, service) => `${prefix}-service-${project}.${service}`,
    image: `${prefix}-platform/opencode`,
    devcontainer: (built) => `${prefix}-platform/devcontainer/${built}`,
    platformLabel: PLATFORM_LABEL,
    projectLabel: PROJECT_LABEL,
    serviceLabel: SERVICE_LABEL,
  };
}

/** What the interface of every project's network begins with, whichever stack it is of. */
export const BRIDGE_PREFIX = "br-p";

/** In the image, the folder of the storage program; and in it, what passes a question on to that. */
export const STORAGE_HOME = "/usr/local/lib/opencode-platform/storage";
export const ASK_STORAGE = `${STORAGE_HOME}/ask`;

/** Directory, below the host's runtime directory, of the packet rules. */
export const GUARD_DIR = "guard";
/** Directory, below the host's runtime directory, of the projects' route files; and what each is called. */
export const ROUTES_DIR = "routes";
/** Directory, below the same one, of a file for each project that says what anyone may know of it: the platform's index. */
export const INDEX_DIR = "index";
export const routeFileName = (project: string): string => `${project}.yml`;
/** Beside it, while the project is asleep, and only then: written by the keeper, which has each project's file in the directory of the other name. */
export const asleepFileName = (project: string): string => `${project}.asleep.yml`;
export const KEEPER_DIR = "keeper";
/** Directory, below the same one, of the settings and secrets of backups: root's alone. */
export const BACKUP_DIR = "backup";
export const keeperFileName = (project: string): string => `${project}.json`;
/** Beside them, what every router of the gateway has. No project's name has an underscore. */
export const GATEWAY_FILE = "_gateway.yml";
/** The runtime directory in the checkout: of the stack `local`, and of the ssh files of the others. */
export const LOCAL_RUNTIME_DIR = ".runtime";

/** In the checkout: where the workspaces of the stack `local` were up to 0.2, and where the path of their directory is written down since. */
export const LEGACY_WORKSPACES_DIR = ".workspaces";
export const WORKSPACES_RECORD = ".state/workspaces";

/** What the platform writes for itself on the droplet's own disk; an update makes it again. */
export const DROPLET_RUNTIME_DIR = "/var/lib/opencode-platform";
/** Where a droplet has the workspaces: its volume. */
export const DROPLET_WORKSPACES_DIR = "/workspaces";

/** A project's two directories below the workspaces directory: its files, and the home of its container. No project's name starts with a dot. */
export const workspaceDirectories = (workspacesDir: string, project: string) => ({
  workspace: `${workspacesDir}/${project}`,
  home: `${homesDirectory(workspacesDir)}/${project}`,
});

/** Directory with all projects' homes, and where the panel's container has it, to read only: when each was last used. */
export const homesDirectory = (workspacesDir: string): string => `${workspacesDir}/.data`;
export const PANEL_HOMES_DIR = "/homes";
/** In it, on a droplet, how much of its disk each project has used. No project's name starts with a dot. */
export const SPACE_FILE = ".space.json";

/** Directory with what all projects' services keep; and a project's part of it, which is kept and deleted with its home. */
export const servicesDirectory = (workspacesDir: string): string => `${workspacesDir}/.services`;
export const serviceData = (workspacesDir: string, project: string): string =>
  `${servicesDirectory(workspacesDir)}/${project}`;
/** In it, what a service keeps of a path in its container: no path that a volume may have has a comma. */
export const volumeDirectory = (
  workspacesDir: string,
  project: string,
  service: string,
  path: string,
): string => `${serviceData(workspacesDir, project)}/${service}/${path.slice(1).replaceAll("/", ",")}`;

/** Directory of the storage program's own: checkpoints, unfinished work, its journal. No project's name starts with a dot. */
export const storageDirectory = (workspacesDir: string): string => `${workspacesDir}/.storage`;

/** The copy of a repository on this machine that a project clones from, below the same one. An update makes it again. */
export const localRepoDirectory = (workspacesDir: string, project: string): string =>
  `${workspacesDir}/.repos/${project}.git`;

/** The panel's directory beside the workspaces: its checkout, its tools, what it notes. */
export const panelDirectory = (workspacesDir: string): string => `${workspacesDir}/.panel`;
/** In it, what the last update has applied, for a panel whose commits a pipeline applies; and where that panel has the workspaces, to delete one. */
export const APPLIED_FILE = "applied.json";
export const PANEL_WORKSPACES_DIR = "/workspaces";
/** Where the panel's container has its directory. */
export const PANEL_OWN_DIR = "/panel";
/** Where it has the files of its keys. */
export const PANEL_FILES_DIR = "/run/panel";
