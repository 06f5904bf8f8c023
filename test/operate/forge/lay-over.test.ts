import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { layOver } from "../../../operate/forge/lay-over.ts";
import { complaints } from "../../support/complaints.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

const SETTINGS = `encryptionsalt: v1:abc
config:
  opencode-platform:domain: example.com
  opencode-platform:size: s-4vcpu-8gb
  digitalocean:token:
    secure: v1:xyz
`;
let folder = "";
const main = (name: string) => join(folder, "main", name);
const change = (name: string) => join(folder, "change", name);

beforeEach(() => {
  folder = temporaryFolder();
  for (const name of ["main", "change"]) mkdirSync(join(folder, name));
  for (const place of [main, change]) {
    writeFileSync(place("projects.yaml"), "projects: []\n");
    writeFileSync(place("Pulumi.prod.yaml"), SETTINGS);
  }
  writeFileSync(main("index.ts"), "main's");
});
afterEach(() => removeFolder(folder));

const lay = () => layOver({ root: join(folder, "main"), files: join(folder, "change"), stack: "prod" });
const settings = (edit: (text: string) => string) =>
  writeFileSync(change("Pulumi.prod.yaml"), edit(SETTINGS));

describe("a change laid over the default branch", () => {
  it("is its entries, settings and secrets, and nothing else of it", () => {
    writeFileSync(change("projects.yaml"), "projects: [{ name: shop }]\n");
    settings((text) =>
      text.replace("s-4vcpu-8gb", "s-8vcpu-16gb").concat("  secrets:TOKEN:\n    secure: v1:new\n"),
    );
    writeFileSync(change("index.ts"), "the branch's");
    writeFileSync(change("package.json"), "{}");
    writeFileSync(change("Pulumi.yaml"), "runtime: { name: nodejs }");
    lay();
    expect(readFileSync(main("projects.yaml"), "utf8")).toBe("projects: [{ name: shop }]\n");
    expect(readFileSync(main("Pulumi.prod.yaml"), "utf8")).toContain("secrets:TOKEN");
    expect(readFileSync(main("index.ts"), "utf8")).toBe("main's");
    for (const name of ["package.json", "Pulumi.yaml"]) expect(() => readFileSync(main(name))).toThrow();
  });

  it("takes the stack's own file along, and no other stack's", () => {
    writeFileSync(change("projects.prod.yaml"), "exclude: [sandbox]\n");
    writeFileSync(change("projects.staging.yaml"), "exclude: []\n");
    writeFileSync(main("projects.prod.yaml"), "exclude: [other]\n");
    lay();
    expect(readFileSync(main("projects.prod.yaml"), "utf8")).toBe("exclude: [sandbox]\n");
    expect(() => readFileSync(main("projects.staging.yaml"))).toThrow();
  });

  it("takes along what was written down of devcontainer.json, without what the change has removed", () => {
    for (const place of [main, change]) mkdirSync(place("devcontainers"));
    writeFileSync(main("devcontainers/old.json"), "{}");
    writeFileSync(change("devcontainers/web.json"), "of the change");
    for (const name of ["web.js", "web.staging.json", "web.prod.x.json", ".prod.json"])
      writeFileSync(change(`devcontainers/${name}`), "none of its locks");
    writeFileSync(change("devcontainers/web.prod.json"), "the stack's own");
    lay();
    expect(readdirSync(main("devcontainers"))).toEqual(["web.json", "web.prod.json"]);
    expect(readFileSync(main("devcontainers/web.prod.json"), "utf8")).toBe("the stack's own");
    expect(readFileSync(main("devcontainers/web.json"), "utf8")).toBe("of the change");
    rmSync(change("devcontainers/web.json"));
    symlinkSync(join(folder, "secret"), change("devcontainers/web.json"));
    expect(complaints(lay).join()).toContain("devcontainers/web.json: is no file but a link or folder");
  });

  it("removes the stack's own file where the change does, and keeps it where the change is refused", () => {
    writeFileSync(main("projects.prod.yaml"), "exclude: [other]\n");
    settings((text) => text.replace("example.com", "evil.example"));
    expect(complaints(lay)).toHaveLength(1);
    expect(readFileSync(main("projects.prod.yaml"), "utf8")).toBe("exclude: [other]\n");
    settings((text) => text);
    lay();
    expect(() => readFileSync(main("projects.prod.yaml"))).toThrow();
  });

  it.each([
    ["cloudflare:baseUrl", (text: string) => `${text}  cloudflare:baseUrl: https://evil.example\n`],
    [
      "digitalocean:apiEndpoint",
      (text: string) => `${text}  digitalocean:apiEndpoint: https://evil.example\n`,
    ],
    ["digitalocean:token", (text: string) => text.replace("v1:xyz", "v1:other")],
    ["encryptionsalt", (text: string) => text.replace("v1:abc", "v1:other")],
    ["secretsprovider", (text: string) => `secretsprovider: hashivault://evil\n${text}`],
    ["environment", (text: string) => `environment: [evil]\n${text}`],
    ["opencode-platform:domain", (text: string) => text.replace("example.com", "evil.example")],
    ["opencode-platform:sshHostname", (text: string) => `${text}  opencode-platform:sshHostname: evil\n`],
  ])("is refused if it changes %s, and leaves the files as they are", (key, edit) => {
    writeFileSync(change("projects.yaml"), "projects: [{ name: shop }]\n");
    settings(edit);
    expect(complaints(lay).join()).toContain(`Pulumi.prod.yaml: changes ${key}, which can decide to whom`);
    expect(readFileSync(main("Pulumi.prod.yaml"), "utf8")).toBe(SETTINGS);
    expect(readFileSync(main("projects.yaml"), "utf8")).toBe("projects: []\n");
  });

  it("is refused with settings that are said twice", () => {
    settings((text) => `${text}config:\n  cloudflare:baseUrl: https://evil.example\n`);
    expect(complaints(lay)).toHaveLength(1);
    expect(readFileSync(main("Pulumi.prod.yaml"), "utf8")).toBe(SETTINGS);
  });

  it("reads no file of the machine through a link", () => {
    writeFileSync(join(folder, "secret"), "hush");
    rmSync(change("projects.yaml"));
    symlinkSync(join(folder, "secret"), change("projects.yaml"));
    expect(complaints(lay).join()).toContain("projects.yaml: is no file but a link or folder");
    rmSync(change("projects.yaml"));
    expect(complaints(lay).join()).toContain("projects.yaml: is not in this change");
    writeFileSync(change("projects.yaml"), "projects: []\n");
    symlinkSync(join(folder, "secret"), change("projects.prod.yaml"));
    expect(complaints(lay).join()).toContain("projects.prod.yaml: is no file but a link or folder");
  });

  it("is refused without the stack's settings, or with a file that is too large", () => {
    rmSync(change("Pulumi.prod.yaml"));
    expect(complaints(lay).join()).toContain("Pulumi.prod.yaml: is removed by this change");
    writeFileSync(change("projects.yaml"), "#".repeat(2 ** 20 + 1));
    expect(complaints(lay).join()).toContain("is larger than 1 MiB");
  });
});
