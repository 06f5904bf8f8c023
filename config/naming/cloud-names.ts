/** What a service token is for. Each passes one hostname's application and no other. */
export type TokenPurpose = "ci-ssh" | "panel" | `project ${string}`;

/** The purposes that every stack may have; the others begin with `project `. */
export const SHARED_PURPOSES: readonly TokenPurpose[] = ["ci-ssh", "panel"];

/**
 * Names of a stack's resources in the clouds. All begin with the stack's own name, by which an interrupted update finds again what
 * it had made.
 */
export interface CloudNames {
  /** `<prefix>-<stack>`: the droplet, its tag, VPC, firewall, SSH key and DigitalOcean project, and the tunnel. */
  readonly base: string;
  /** The volume of the workspaces; DigitalOcean wants it unique in a region. */
  readonly volume: string;
  /** Comment of every DNS record. */
  readonly recordComment: string;
  /** Access applications. */
  readonly panelApplication: string;
  readonly sshApplication: string;
  application(project: string): string;
  /** Access policies. */
  readonly peoplePolicy: string;
  /** Of a project that names its members. */
  membersPolicy(project: string): string;
  /** Of the panel, where members come from outside the stack's own people. */
  readonly panelPolicy: string;
  /** Of an application that a service token passes. */
  machinesPolicy(purpose: TokenPurpose): string;
  /** Access service tokens: one for each purpose. */
  serviceToken(purpose: TokenPurpose): string;
  /** Identity providers of Access. */
  readonly google: string;
  readonly oneTimePin: string;
}

/** @param prefix the setting `namePrefix` */
export function cloudNames(prefix: string, stack: string): CloudNames {
  const base = `${prefix}-${stack}`;
  return {
    base,
    volume: `${base}-workspaces`,
    recordComment: `opencode-platform ${base}`,
    panelApplication: `${base} panel`,
    sshApplication: `${base} ssh`,
    application: (project) => `${base} project ${project}`,
    peoplePolicy: `${base} people`,
    membersPolicy: (project) => `${base} members of ${project}`,
    panelPolicy: `${base} panel people`,
    machinesPolicy: (purpose) => `${base} machines for ${purpose}`,
    serviceToken: (purpose) => `${base} token for ${purpose}`,
    google: `${base} Google`,
    oneTimePin: `${base} one-time PIN`,
  };
}
