/** Applications and whom they admit, with an engine that only notes what it is asked for. */
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import { Access, type ServiceToken } from "../../components/edge/access.ts";
import type { Host } from "../../components/host/host.ts";
import { cloudNames } from "../../config/naming/cloud-names.ts";
import type { ProductionSettings } from "../../config/stack/production-schema.ts";

type Props = Record<string, unknown>;
const made = new Map<string, { type: string; inputs: Props }>();
let tokens: ReadonlyMap<string, pulumi.Output<ServiceToken>>;

const settings = {
  accessEmails: ["ann@partner.example"],
  accessEmailDomains: ["example.com"],
  sessionDuration: "24h",
  identityProviderIds: [],
  oneTimePin: false,
} as Partial<ProductionSettings> as ProductionSettings;

beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource({ type, name, inputs }) {
      made.set(name, { type, inputs });
      return { id: `${name}-id`, state: { ...inputs, clientId: `id of ${name}`, clientSecret: "secret" } };
    },
    call: () => ({}),
  });
  const access = new Access("access", {
    host: { remote: (script: string) => `ssh ${script}` } as Partial<Host> as Host,
    settings,
    cloud: cloudNames("opencode", "prod"),
    account: { id: "account", zoneId: "zone", teamName: "acme" },
  });
  const add = (name: string, more: Pick<Parameters<Access["addApplication"]>[1], "audience" | "machines">) =>
    access.addApplication(name, { name, hostname: `${name}.example.com`, ...more }, {});
  add("project-shop", { audience: "people", machines: "project shop" });
  add("project-web", { audience: "people" });
  add("ssh", { audience: "nobody", machines: "ci-ssh" });
  tokens = access.serviceTokens;
  await pulumi.runtime.disconnect();
});

const inputs = (name: string): Props => made.get(name)?.inputs ?? {};

describe("machines", () => {
  it("pass a project that asks for it, with a token that is its own and passes nothing else", () => {
    expect(inputs("project-shop-service-token")).toEqual({
      accountId: "account",
      name: "opencode-prod token for project shop",
      duration: "8760h",
    });
    expect(inputs("project-shop-machines")).toMatchObject({
      decision: "non_identity",
      includes: [{ serviceToken: { tokenId: "project-shop-service-token-id" } }],
    });
    expect(inputs("project-shop-application").policies).toEqual([
      { id: "people-id", precedence: 1 },
      { id: "project-shop-machines-id", precedence: 2 },
    ]);
    expect(inputs("ssh-application").policies).toEqual([{ id: "machines-id", precedence: 1 }]);
  });

  it("pass no other project", () => {
    expect(inputs("project-web-application").policies).toEqual([{ id: "people-id", precedence: 1 }]);
    expect([...made.keys()].filter((name) => name.endsWith("service-token"))).toEqual([
      "project-shop-service-token",
      "service-token",
    ]);
  });

  it("have their sessions ended with the token, as people have", () => {
    const admitted = (name: string) => JSON.parse(String(inputs(name).stdin)).admitted;
    const people = ["ann@partner.example", "@example.com"];
    expect(admitted("project-web-revocation")).toEqual(people);
    expect(admitted("project-shop-revocation")).toEqual([
      ...people,
      "service token project-shop-service-token-id",
    ]);
  });

  it("show what is secret for the engine", async () => {
    expect([...tokens.keys()]).toEqual(["project shop", "ci-ssh"]);
    for (const token of tokens.values()) expect(await pulumi.isSecret(token)).toBe(true);
  });
});
