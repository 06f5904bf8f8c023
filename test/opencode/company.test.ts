/** What the image's build does first in a company's network. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { rootCertificates } from "node:tls";
import { afterEach, beforeEach, expect, it } from "vitest";

interface Company {
  installCertificates(bundle: string, root: string): boolean;
  mirrored(text: string, urls: { mirror: string; security: string }): string;
}
const script = new URL("../../opencode/build/company.mjs", import.meta.url).href;
const { installCertificates, mirrored } = (await import(script)) as Company;

const certificate = (name: string) => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----\n`;
const BUNDLE = certificate("one") + certificate("two");
const FOLDER = "usr/local/share/ca-certificates";
const STORE = "etc/ssl/certs/ca-certificates.crt";
let root: string;
const read = (path: string) => readFileSync(join(root, path), "utf8");
const write = (path: string, text: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "image-root-"));
});
afterEach(() => rmSync(root, { recursive: true }));

it("puts each certificate into a file, and makes a store with the public ones where Debian's is not there yet", () => {
  expect(installCertificates(BUNDLE, root)).toBe(false);
  expect(readdirSync(join(root, FOLDER)).sort()).toEqual([
    "opencode-platform-1.crt",
    "opencode-platform-2.crt",
    "opencode-platform.pem",
  ]);
  expect(read(`${FOLDER}/opencode-platform-2.crt`)).toBe(certificate("two"));
  expect(read(`${FOLDER}/opencode-platform.pem`)).toBe(BUNDLE);
  expect(read(STORE).endsWith(BUNDLE)).toBe(true);
  expect(read(STORE).match(/BEGIN CERTIFICATE/g)).toHaveLength(rootCertificates.length + 2);
});

it("adds to a store that is there, and leaves Debian's to Debian", () => {
  write(STORE, certificate("public"));
  installCertificates(BUNDLE, root);
  expect(read(STORE)).toBe(certificate("public") + BUNDLE);
  write(STORE, certificate("public"));
  write("usr/sbin/update-ca-certificates", "");
  expect(installCertificates(BUNDLE, root)).toBe(true);
  expect(read(STORE)).toBe(certificate("public"));
});

it("makes a store for an apt mirror with a public certificate", () => {
  installCertificates("", root);
  expect(readdirSync(join(root, FOLDER))).toEqual([]);
  expect(read(STORE).match(/BEGIN CERTIFICATE/g)).toHaveLength(rootCertificates.length);
});

it("puts the mirrors in place of Debian's hosts, in both forms of apt's lists, and of no other", () => {
  const urls = { mirror: "https://m/debian", security: "https://m/sec" };
  const lists = (debian: string, security: string) =>
    `deb ${debian}/ bookworm main\ndeb ${security} bookworm-security main\nURIs: ${debian}\nURIs: ${security}\ndeb https://deb.nodesource.com/node_22.x nodistro main\n`;
  expect(
    mirrored(lists("http://deb.debian.org/debian", "http://security.debian.org/debian-security"), urls),
  ).toBe(lists(urls.mirror, urls.security));
});
