/** Cloudflare's side of projects with ports: hostnames, applications and the connector's rules. */
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../components/host/host.ts";
import { cloudNames } from "../../config/naming/cloud-names.ts";
import { makeNames } from "../../config/naming/names.ts";
import { publicUrls } from "../../config/naming/urls.ts";
import type { ProductionSettings } from "../../config/stack/production-schema.ts";

type Props = Record<string, unknown>;
const made: pulumi.runtime.MockResourceArgs[] = [];
const all = (type: string) => made.filter((each) => each.type.endsWith(`:${type}`));

beforeAll(async () => {
  await pulumi.runtime.setMocks(
    {
      newResource(args) {
        made.push(args);
        return { id: `${args.name}-id`, state: { ...args.inputs, aud: `audience of ${args.name}` } };
      },
      call: () => ({ token: "token" }),
    },
    "opencode-platform",
    "prod",
    false,
  );
  const { Edge } = await import("../../components/edge/edge.ts");
  const project = { members: [], owners: [], machines: false };
  const ports = [
    { port: 3000, label: "3000" },
    { port: 8080, label: "admin" },
  ];
  new Edge("edge", {
    settings: {
      accessEmails: ["dev@example.com"],
      accessEmailDomains: [],
      identityProviderIds: [],
      oneTimePin: true,
      sessionDuration: "24h",
    } as unknown as ProductionSettings,
    names: makeNames("acme"),
    cloud: cloudNames("acme", "prod"),
    urls: publicUrls({ domain: "example.com", hostnamePattern: "{name}-code", panelHostname: "code" }),
    account: { id: "account", zoneId: "zone", teamName: "acme" } as never,
    host: { remote: (script: string) => script, imageOf: (image: string) => image } as unknown as Host,
    port: 4080,
    projects: [
      { ...project, name: "shop", ports },
      { ...project, name: "blog", ports: [] },
    ],
    admins: [],
    panelMachines: false,
  });
  await pulumi.runtime.disconnect();
});

describe("a project's ports", () => {
  const hostnames = ["shop-3000-code.example.com", "shop-admin-code.example.com"];

  it("are in the project's own application, and in no other", () => {
    const destinations = Object.fromEntries(
      all("ZeroTrustAccessApplication").map(({ name, inputs }) => [
        name,
        (inputs.destinations as Props[]).map(({ uri }) => uri),
      ]),
    );
    expect(destinations).toEqual({
      "panel-application": ["code.example.com"],
      "project-shop-application": ["shop-code.example.com", ...hostnames],
      "project-blog-application": ["blog-code.example.com"],
    });
  });

  it("have a record each, and the connector asks for a token of that application", () => {
    const records = all("DnsRecord").map(({ inputs }) => inputs.name);
    expect(records).toEqual(expect.arrayContaining(hostnames));
    expect(records).toHaveLength(5);
    const [{ inputs }] = all("ZeroTrustTunnelCloudflaredConfig") as [pulumi.runtime.MockResourceArgs];
    const { ingresses } = inputs.config as { ingresses: Props[] };
    for (const hostname of hostnames)
      expect(ingresses).toContainEqual({
        hostname,
        service: "http://127.0.0.1:4080",
        originRequest: {
          access: { required: true, teamName: "acme", audTags: ["audience of project-shop-application"] },
        },
      });
  });
});
