/** Images of different days of packages, with an engine that only notes what it is asked for. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { expect, it } from "vitest";
import type { Host } from "../../components/host/host.ts";
import { OpencodeImages } from "../../components/host/images.ts";
import { makeNames } from "../../config/naming/names.ts";
import { type Environment, environmentKey } from "../../config/projects/environment.ts";
import { OPENCODE, UV_REQUIREMENT } from "../../config/versions.ts";

interface Built {
  imageName: string;
  build: { args: Record<string, string> };
}

async function built(packages: string, ...days: (string | undefined)[]): Promise<Map<string, Built>> {
  return builtAs({ packages, slim: false }, days);
}

async function builtAs(
  args: { packages: string; slim: boolean },
  days: readonly (string | undefined)[],
  ...environments: readonly (Environment | undefined)[]
): Promise<Map<string, Built>> {
  const made = new Map<string, Built>();
  await pulumi.runtime.setMocks({
    newResource({ type, name, inputs }) {
      if (type === "docker:index/image:Image") made.set(name, inputs as Built);
      return { id: name, state: inputs as object };
    },
    call: () => ({}),
  });
  const host = {
    provider: new docker.Provider("test"),
    platform: "linux/amd64",
    user: { uid: 1, gid: 2 },
    imageOf: (image) => (image === "base" ? "base@sha256:1" : image),
  } as Partial<Host> as Host;
  const images = new OpencodeImages({
    host,
    names: makeNames("t"),
    baseImage: "base",
    ...args,
    context: `${import.meta.dirname}/../../opencode`,
    releases: { [OPENCODE]: {} },
  });
  for (const day of days) images.of(OPENCODE, day);
  for (const environment of environments) images.of(OPENCODE, undefined, environment);
  await pulumi.runtime.disconnect();
  return made;
}

it("a project has the stack's image, or that of its own day until all have it", async () => {
  const never = await built("", undefined);
  expect([...never.keys()]).toEqual(["image"]);
  expect(never.get("image")?.build.args).not.toHaveProperty("PACKAGES");

  const underWay = await built("", "", "2027-06-20", "2027-06-20");
  expect([...underWay.keys()]).toEqual(["image", "image-packages-2027-06-20"]);
  expect(underWay.get("image")?.imageName).toBe(never.get("image")?.imageName);
  const fresh = underWay.get("image-packages-2027-06-20");
  expect(fresh?.build.args).toMatchObject({ PACKAGES: "2027-06-20" });
  expect(fresh?.imageName).not.toBe(never.get("image")?.imageName);

  // The last update of a refresh changes no project's container.
  const done = await built("2027-06-20", "2027-06-20");
  expect([...done.keys()]).toEqual(["image"]);
  expect(done.get("image")?.imageName).toBe(fresh?.imageName);
});

it("a slim image is another one, which leaves uv out too", async () => {
  const [full, slim] = [await built("", undefined), await builtAs({ packages: "", slim: true }, [undefined])];
  expect(full.get("image")?.build.args).toMatchObject({ UV: UV_REQUIREMENT });
  expect(full.get("image")?.build.args).not.toHaveProperty("SLIM");
  expect(slim.get("image")?.build.args).toMatchObject({ SLIM: "1" });
  expect(slim.get("image")?.build.args).not.toHaveProperty("UV");
  expect(slim.get("image")?.imageName).not.toBe(full.get("image")?.imageName);
});

it("uv is taken by the checksum of each processor's file, and no other way", () => {
  expect(UV_REQUIREMENT).toMatch(/^uv==\d+\.\d+\.\d+( --hash=sha256:[0-9a-f]{64}){2,}$/);
  expect(readFileSync(join(import.meta.dirname, "../../opencode/Dockerfile"), "utf8")).toMatch(
    /pip install .*--only-binary :all: --require-hashes/,
  );
});

it("projects that ask for the same environment share an image, and the others have the stack's", async () => {
  const asked = [
    undefined,
    { image: "python:3", packages: ["golang", "php-cli"] },
    { image: "python:3", packages: ["golang", "php-cli"] },
    { packages: ["golang"] },
    { image: "base", packages: [] },
  ];
  const none = await built("", undefined);
  const made = await builtAs({ packages: "", slim: false }, [], ...asked);
  const [python, go] = [asked[1], asked[3]].map(
    (each) => `image-environment-${environmentKey(each, "base")}`,
  );
  expect([...made.keys()]).toEqual(["image", python, go]);
  expect(made.get("image")).toEqual(none.get("image"));
  const { TOOLS_IMAGE, OWN_IMAGE, EXTRA_PACKAGES, ...shared } = made.get(python ?? "")?.build.args ?? {};
  // Each base by its own digest, if it has one.
  expect([TOOLS_IMAGE, OWN_IMAGE, EXTRA_PACKAGES]).toEqual(["base@sha256:1", "1", "golang php-cli"]);
  expect(shared).toEqual({ ...none.get("image")?.build.args, BASE_IMAGE: "python:3" });
  expect(made.get(go ?? "")?.build.args).toEqual({
    ...none.get("image")?.build.args,
    EXTRA_PACKAGES: "golang",
  });
  expect(new Set([...made.values()].map(({ imageName }) => imageName)).size).toBe(3);
});
