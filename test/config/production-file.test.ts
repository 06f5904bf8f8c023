import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { defaultSwap, dropletCapacity } from "../../config/stack/droplet-size.ts";
import { readStackFile } from "../../config/stack/secrets.ts";
import { parseSettings, settingDocs, withoutNamespace } from "../../config/stack/settings.ts";

const FILE = "Pulumi.prod.yaml";
const text = readFileSync(join(import.meta.dirname, "../..", FILE), "utf8");
const settings = settingDocs.filter(({ kind, key }) => kind !== "local" && !key.includes("<"));

/** A setting in a comment, ready to be one. */
const COMMENTED = /^ {2}# (?=opencode-platform:\w+: )/gm;

/** What the program gets of a stack's file, with the secrets that a person sets. */
function read(file: string) {
  const { plain, encrypted, problems } = readStackFile(file, FILE, "prod");
  expect(problems).toEqual([]);
  return parseSettings(withoutNamespace(plain), {
    stack: "prod",
    tokens: { digitalocean: true, cloudflare: true },
    plain: new Set(Object.keys(plain)),
    hidden: encrypted,
  });
}

const withSecret = (file: string) =>
  file.replace(
    "\nconfig:\n",
    "\nconfig:\n  opencode-platform:googleClientSecret: { secure: v1:x }\n  opencode-platform:panelEnvironment: { secure: v1:x }\n  digitalocean:token: { secure: v1:x }\n",
  );

it("the example of a stack on a droplet works once the clouds' tokens are there", () => {
  const { production } = read(text);
  expect(production).toMatchObject({ domain: "example.com", oneTimePin: true, volumeSize: 50 });
});

it("it works with every comment taken off as well", () => {
  const { production } = read(withSecret(text.replace(COMMENTED, "  ")));
  expect(production).toMatchObject({
    sshHostname: "ssh-code",
    oneTimePin: true,
    identityProviderIds: [expect.anything()],
  });
});

it("it names every setting, no other, and the defaults that there are", () => {
  const named = [...text.matchAll(/opencode-platform:(\w+)/g)].map(([, name]) => name);
  expect([...new Set(named)].sort()).toEqual(settings.map(({ key }) => key).sort());
  const { plain } = readStackFile(text.replace(COMMENTED, "  "), FILE, "prod");
  const values = withoutNamespace(plain);
  const told = settings.filter(({ key }) => key !== "panel"); // a map, whose keys have defaults of their own
  const other = told.filter((docs) => docs.default && docs.default !== values[docs.key]);
  expect(other).toEqual([]);
});

/** The CLI keeps a comment's place only if a key of the same depth follows. */
it("it ends with a setting, so that the CLI leaves the comments above it where they are", () => {
  expect(text.trimEnd().split("\n").at(-1)).toMatch(/^ {2}opencode-platform:\w+: /);
});

it("it keeps no secret, and no place for one", () => {
  expect(text).not.toMatch(/secure:|dop_v1|GOCSPX|PRIVATE KEY/);
});

it.each([
  ["s-4vcpu-8gb", 4, 8],
  ["c2-16vcpu-32gb-intel", 16, 32],
  ["s-1vcpu-512mb-10gb", undefined, undefined],
  ["c-2", undefined, undefined],
  ["gpu-h100x1-80gb", undefined, undefined],
  [undefined, undefined, undefined],
])("the size %s says what a droplet has", (size, cpus, memory) => {
  const { hostCpus, hostMemoryBytes } = dropletCapacity(size);
  expect([hostCpus, hostMemoryBytes]).toEqual([cpus, memory && memory * 2 ** 30]);
});

it.each([
  // Basic: room on the disk for four times the memory.
  ["s-1vcpu-1gb", 4],
  ["s-4vcpu-8gb", 32],
  ["s-8vcpu-32gb-640gb-intel", 64],
  // 25 GB of disk for 8 GB of memory.
  ["g-2vcpu-8gb", 4],
  ["m-2vcpu-16gb", 8],
  ["c-2", 2],
])("a droplet of the size %s has %i GiB of swap where the setting does not say", (size, swap) => {
  expect(defaultSwap(size)).toBe(swap);
});
