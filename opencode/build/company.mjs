// Before anything is downloaded while the image is built: the company's certificate authorities, and its mirror of Debian's packages, from the
// build's arguments. Does nothing without them. Plain JavaScript: the platform's Node runs it.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { pathToFileURL } from "node:url";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----\n?/g;

/**
 * Certificates one to a file, as update-ca-certificates takes them; all in one file, which is what Node is given; and the system's store, which a
 * base image without Debian's has not yet: Node's own certificates are in it until Debian's package is installed, and makes it anew.
 * @param {string} bundle certificates in PEM; empty for none
 * @param {string} root the file system's, `/`
 */
export function installCertificates(bundle, root) {
  const folder = join(root, "usr/local/share/ca-certificates");
  const store = join(root, "etc/ssl/certs/ca-certificates.crt");
  const certificates = bundle.match(CERTIFICATE) ?? [];
  for (const path of [folder, join(root, "etc/ssl/certs")]) mkdirSync(path, { recursive: true });
  if (certificates.length > 0) writeFileSync(join(folder, "opencode-platform.pem"), certificates.join(""));
  for (const [index, certificate] of certificates.entries())
    writeFileSync(join(folder, `opencode-platform-${index + 1}.crt`), certificate);
  // Fedora's own store, which it makes of what is in this folder.
  const anchors = join(root, "etc/pki/ca-trust/source/anchors");
  if (existsSync(anchors)) writeFileSync(join(anchors, "opencode-platform.pem"), certificates.join(""));
  if (existsSync(join(root, "usr/sbin/update-ca-certificates"))) return true;
  const known = existsSync(store) ? readFileSync(store, "utf8") : `${rootCertificates.join("\n")}\n`;
  writeFileSync(store, known + certificates.join(""));
  return false;
}

/** A list of apt's sources with a mirror in Debian's place. */
export const mirrored = (text, { mirror, security }) =>
  text
    .replace(/https?:\/\/[\w.-]+\.debian\.org\/debian-security(?=[/\s]|$)/gm, security)
    .replace(/https?:\/\/[\w.-]+\.debian\.org\/debian(?=[/\s]|$)/gm, mirror);

function useMirror(urls) {
  const folder = "/etc/apt/sources.list.d";
  const lists = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  for (const file of ["/etc/apt/sources.list", ...lists].filter((path) => existsSync(path)))
    writeFileSync(file, mirrored(readFileSync(file, "utf8"), urls));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { CA_BUNDLE = "", APT_MIRROR: mirror, APT_SECURITY: security } = process.env;
  const needsStore = CA_BUNDLE !== "" || /^https:/.test(`${mirror}`) || /^https:/.test(`${security}`);
  if (needsStore && installCertificates(CA_BUNDLE, "/"))
    execFileSync("update-ca-certificates", { stdio: "inherit" });
  if (needsStore && existsSync("/usr/bin/update-ca-trust"))
    execFileSync("update-ca-trust", { stdio: "inherit" });
  if (mirror && security) useMirror({ mirror, security });
}
