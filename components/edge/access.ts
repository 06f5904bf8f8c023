import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import type { CloudNames, TokenPurpose } from "../../config/naming/cloud-names.ts";
import type { AccessList } from "../../config/projects/members.ts";
import type { ProductionSettings } from "../../config/stack/production-schema.ts";
import type { Host } from "../host/host.ts";
import type { CloudflareAccount } from "./account.ts";
import { revokeRemovedMembers } from "./revocation.ts";

export interface AccessArgs {
  /** Where open connections are cut. */
  host: Host;
  settings: ProductionSettings;
  cloud: CloudNames;
  account: CloudflareAccount;
}

/** Which people an application is for: the stack's, its own under a policy's name, or none. */
export type Audience = "people" | "nobody" | { readonly policy: string; readonly admitted: AccessList };

/** What a machine sends as two headers. Secret. */
export interface ServiceToken {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** How long a service token is valid, in Go's form: a year. */
const TOKEN_DURATION = "8760h";

/** An application, as a person knows it. */
export interface ApplicationArgs {
  name: string;
  hostname: string;
  /** Further hostnames that the same people open, at most four. */
  others?: readonly string[];
  audience: Audience;
  /** The purpose of the one service token that passes. By default no machine does. */
  machines?: TokenPurpose | undefined;
  /** Shell command for the host that cuts what people have open, for when somebody is removed. */
  cut?: string | undefined;
}

/** A policy that admits machines, and the token that they show. */
interface Machines {
  readonly policy: cloudflare.ZeroTrustAccessPolicy;
  readonly token: cloudflare.ZeroTrustAccessServiceToken;
}

/** Who may pass: how people log in, the policy that applications share, and a service token for each that machines may pass. */
export class Access extends pulumi.ComponentResource {
  /** The applications' service tokens, by purpose. Secret. */
  readonly serviceTokens = new Map<TokenPurpose, pulumi.Output<ServiceToken>>();

  private readonly args: AccessArgs;
  private readonly child: pulumi.CustomResourceOptions;
  private readonly identityProviders: pulumi.Output<string>[];
  private readonly people: cloudflare.ZeroTrustAccessPolicy;

  constructor(name: string, args: AccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super("opencode:platform:Access", name, {}, opts);
    this.args = args;
    this.child = { parent: this };

    this.identityProviders = [
      ...this.googleProvider(),
      ...this.existingProviders(),
      ...this.oneTimePinProvider(),
    ];
    this.people = this.makePolicy("people", args.cloud.peoplePolicy, this.stackAccess);
    this.registerOutputs({});
  }

  /** An application for a hostname, and the command that ends its sessions once a person or a machine is removed from it. */
  addApplication(
    name: string,
    args: ApplicationArgs,
    opts: pulumi.CustomResourceOptions,
  ): cloudflare.ZeroTrustAccessApplication {
    const people = this.policyFor(`${name}-application`, args.audience);
    const machines = args.machines && this.makeMachines(name, args.machines);
    const policies = [people?.policy, machines?.policy].filter((policy) => policy !== undefined);
    const application = this.makeApplication(`${name}-application`, args, policies, opts);
    const { account, host } = this.args;
    revokeRemovedMembers(
      `${name}-revocation`,
      { account, host, application, ...people, machines, cut: args.cut },
      opts,
    );
    return application;
  }

  private makeApplication(
    name: string,
    args: ApplicationArgs,
    policies: readonly cloudflare.ZeroTrustAccessPolicy[],
    opts: pulumi.CustomResourceOptions,
  ): cloudflare.ZeroTrustAccessApplication {
    const { account, settings } = this.args;
    return new cloudflare.ZeroTrustAccessApplication(
      name,
      {
        accountId: account.id,
        name: args.name,
        type: "self_hosted",
        domain: args.hostname,
        // Always given: without it, the API would keep hostnames that are no longer wanted.
        destinations: [args.hostname, ...(args.others ?? [])].map((uri) => ({ type: "public", uri })),
        sessionDuration: settings.sessionDuration,
        // None given: whatever the account has.
        ...(this.identityProviders.length > 0 ? { allowedIdps: this.identityProviders } : {}),
        // Nobody chooses from a list of one.
        autoRedirectToIdentity: this.identityProviders.length === 1,
        policies: policies.map(({ id }, index) => ({ id, precedence: index + 1 })),
        // The page's scripts have no business with the token.
        httpOnlyCookieAttribute: true,
        // No page of another site sends it with a request of its own. `strict` would not take it along from a link in a chat either.
        sameSiteCookieAttribute: "lax",
        appLauncherVisible: args.audience !== "nobody",
      },
      opts,
    );
  }

  private policyFor(
    name: string,
    audience: Audience,
  ): { policy: cloudflare.ZeroTrustAccessPolicy; admitted: AccessList } | undefined {
    if (audience === "nobody") return undefined;
    if (audience === "people") return { policy: this.people, admitted: this.stackAccess };
    const { policy, admitted } = audience;
    return { policy: this.makePolicy(`${name}-people`, policy, admitted), admitted };
  }

  private googleProvider(): pulumi.Output<string>[] {
    const { account, settings, cloud } = this.args;
    const { googleClientId, googleClientSecret } = settings;
    if (!googleClientId || !googleClientSecret) return [];
    const google = new cloudflare.ZeroTrustAccessIdentityProvider(
      "google",
      {
        accountId: account.id,
        name: cloud.google,
        type: "google",
        config: { clientId: googleClientId, clientSecret: pulumi.secret(googleClientSecret) },
      },
      { ...this.child, additionalSecretOutputs: ["config.clientSecret"] },
    );
    return [google.id];
  }

  private existingProviders(): pulumi.Output<string>[] {
    return this.args.settings.identityProviderIds.map((id) => pulumi.output(id));
  }

  /** An account has one provider of one-time PINs at most: another's is used as it is. */
  private oneTimePinProvider(): pulumi.Output<string>[] {
    const { account, settings, cloud } = this.args;
    if (!settings.oneTimePin) return [];
    if (account.oneTimePin) return [pulumi.output(account.oneTimePin)];
    const pin = new cloudflare.ZeroTrustAccessIdentityProvider(
      "one-time-pin",
      { accountId: account.id, name: cloud.oneTimePin, type: "onetimepin", config: {} },
      this.child,
    );
    return [pin.id];
  }

  private get stackAccess(): AccessList {
    const { accessEmails, accessEmailDomains } = this.args.settings;
    return { emails: accessEmails, domains: accessEmailDomains };
  }

  private makePolicy(
    name: string,
    policy: string,
    { emails, domains }: AccessList,
  ): cloudflare.ZeroTrustAccessPolicy {
    const { account, settings } = this.args;
    return new cloudflare.ZeroTrustAccessPolicy(
      name,
      {
        accountId: account.id,
        name: policy,
        decision: "allow",
        includes: [
          ...domains.map((domain) => ({ emailDomain: { domain } })),
          ...emails.map((email) => ({ email: { email } })),
        ],
        sessionDuration: settings.sessionDuration,
      },
      this.child,
    );
  }

  /** The names of SSH's are those from when one token passed everywhere, so that CI's stays as it is. */
  private makeMachines(name: string, purpose: TokenPurpose): Machines {
    const { account, cloud } = this.args;
    const prefix = purpose === "ci-ssh" ? "" : `${name}-`;
    const token = new cloudflare.ZeroTrustAccessServiceToken(
      `${prefix}service-token`,
      { accountId: account.id, name: cloud.serviceToken(purpose), duration: TOKEN_DURATION },
      { ...this.child, additionalSecretOutputs: ["clientSecret"] },
    );
    const policy = new cloudflare.ZeroTrustAccessPolicy(
      `${prefix}machines`,
      {
        accountId: account.id,
        name: cloud.machinesPolicy(purpose),
        decision: "non_identity",
        includes: [{ serviceToken: { tokenId: token.id } }],
      },
      this.child,
    );
    const { clientId, clientSecret } = token;
    this.serviceTokens.set(purpose, pulumi.secret({ clientId, clientSecret }));
    return { policy, token };
  }
}
