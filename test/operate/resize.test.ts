import { describe, expect, it } from "vitest";
import { CloudError } from "../../operate/clouds/http.ts";
import { openClouds } from "../../operate/clouds/open.ts";
import { refuseSmallerDisk } from "../../operate/droplet/resize.ts";
import { parseDeployment } from "../../operate/state/checkpoint.ts";

const session = { isLocal: false, reference: "prod" };
const state = parseDeployment({
  deployment: {
    resources: [
      {
        urn: "urn:pulumi:prod::opencode-platform::a$digitalocean:index/droplet:Droplet::droplet-1",
        type: "digitalocean:index/droplet:Droplet",
        id: "5",
      },
    ],
  },
});
const droplet = {
  id: "5",
  name: "opencode-prod",
  status: "active",
  createdAt: "2026-11-24T12:00:00Z",
  volumeIds: [],
  size: "s-4vcpu-8gb",
  disk: 160,
};
const SIZES = [
  { slug: "s-2vcpu-4gb", disk: 80 },
  { slug: "s-4vcpu-8gb", disk: 160 },
  { slug: "s-8vcpu-16gb", disk: 320 },
];

describe("another size of the droplet", () => {
  let asked = 0;
  const digitalOcean = {
    sizes: async () => {
      asked++;
      return SIZES;
    },
  };
  const want = (size: string, dropletGeneration = "1", api: typeof digitalOcean = digitalOcean) =>
    refuseSmallerDisk(session, state, [droplet], { digitalOcean: api, size, dropletGeneration });

  it("is refused if its disk is smaller, with both fixes", async () => {
    const told = await want("s-2vcpu-4gb").catch((error: Error) => error.message);
    expect(told).toContain("s-2vcpu-4gb has a disk of 80 GiB, smaller than the droplet's (160 GiB)");
    expect(told).toContain("npm run pulumi -- config set opencode-platform:size s-4vcpu-8gb --stack prod");
    expect(told).toContain("config set opencode-platform:dropletGeneration <another word> --stack prod");
  });

  it("is accepted if it is larger or for a new droplet; an unknown size is left to DigitalOcean", async () => {
    await want("s-8vcpu-16gb");
    await want("s-2vcpu-4gb", "2");
    await want("s-999vcpu");
  });

  it("is not checked if unchanged, or without a droplet", async () => {
    asked = 0;
    await want("s-4vcpu-8gb");
    await refuseSmallerDisk(session, state, [], {
      digitalOcean,
      size: "s-2vcpu-4gb",
      dropletGeneration: "1",
    });
    expect(asked).toBe(0);
  });

  it("is not checked with a token that can't read sizes", async () => {
    const sizes = async () => {
      throw new CloudError("DigitalOcean", "credentials", "does not let this token do GET /v2/sizes (403)");
    };
    await want("s-2vcpu-4gb", "1", { sizes });
    const broken = async () => {
      throw new CloudError("DigitalOcean", "unreachable", "does not answer");
    };
    await expect(want("s-2vcpu-4gb", "1", { sizes: broken })).rejects.toThrow("does not answer");
  });

  it("is read from the settings, with defaults", () => {
    expect(openClouds("prod", {}, {})).toMatchObject({ size: "s-4vcpu-8gb", dropletGeneration: "1" });
    const config = { "opencode-platform:size": " g-2vcpu-8gb ", "opencode-platform:dropletGeneration": "b" };
    expect(openClouds("prod", config, {})).toMatchObject({ size: "g-2vcpu-8gb", dropletGeneration: "b" });
  });
});
