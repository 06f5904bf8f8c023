/** The setting `caBundle`: certificates of authorities that the company has of its own. Public data, so that no message hides any. */
import { X509Certificate } from "node:crypto";
import type { Problem } from "../../errors.ts";
import { show } from "../../text/show.ts";
import { removeCommand, settingKey } from "../commands.ts";
import type { Parsed } from "../structured.ts";

/** The file, read. */
export interface CaBundle {
  /** As written in the setting. */
  readonly path: string;
  /** The certificates in PEM, each once, without what else the file has: comments change no image. */
  readonly pem: string;
}

/** Bytes of certificates: a build argument is one variable of a process, of which Linux takes 128 KiB (MAX_ARG_STRLEN). */
const MAX_BYTES = 100 * 1024;
const CERTIFICATE =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;
const EXPORT = "openssl x509 -in <file> -inform der -out <file>.pem";

/** What reads a file of the checkout: its text, or undefined if there is none. */
export type ReadFile = (path: string) => string | undefined;

/** Where the bundle is in the image: for Node, which adds it to its own, and for the system's store, which is made of it and Debian's. */
export const BUNDLE_IN_IMAGE = "/usr/local/share/ca-certificates/opencode-platform.pem";
export const STORE_IN_IMAGE = "/etc/ssl/certs/ca-certificates.crt";

/** Reads the bundle. @param now milliseconds since the epoch @param most bytes of its certificates */
export function parseCaBundle(
  path: string,
  read: ReadFile,
  stack: string,
  now: number = Date.now(),
  most = MAX_BYTES,
): Parsed<CaBundle> {
  const where = `${settingKey("caBundle")} (${path})`;
  const refuse = (what: string, fix?: string): Parsed<CaBundle> => ({
    problems: [{ where, what, ...(fix && { fix }) }],
  });
  const text = readText(path, read);
  if (text === undefined)
    return refuse(
      "is not a file that can be read below the checkout",
      `put it there, or ${removeCommand(settingKey("caBundle"), stack)}`,
    );
  if (/PRIVATE KEY-----/.test(text))
    return refuse(
      "has a private key, which would be in every image",
      "leave only certificates in it; if it was committed, replace the key",
    );
  const blocks = text.match(CERTIFICATE) ?? [];
  if (blocks.length === 0)
    return refuse("has no certificate in PEM (-----BEGIN CERTIFICATE-----)", `convert it: ${EXPORT}`);
  return collect(path, where, blocks, { now, most });
}

function collect(
  path: string,
  where: string,
  blocks: readonly string[],
  { now, most }: { readonly now: number; readonly most: number },
): Parsed<CaBundle> {
  const certificates = blocks.map((block) => readCertificate(block));
  const broken = certificates.indexOf(undefined);
  if (broken >= 0) {
    const what = `its certificate ${broken + 1} of ${blocks.length} can't be read`;
    return { problems: [{ where, what, fix: "copy it again from where it was issued" }] };
  }
  const known = certificates.filter((each) => each !== undefined);
  const [first] = known;
  if (first && known.every(({ validToDate }) => validToDate.getTime() < now)) {
    const what = `all of its certificates have expired: ${subjectOf(first)} on ${first.validToDate.toISOString().slice(0, 10)}`;
    return { problems: [{ where, what, fix: "replace them by the ones that are in use" }] };
  }
  const leaf = known.find(({ ca }) => !ca);
  if (leaf) {
    const what = `${subjectOf(leaf)} is not the certificate of an authority`;
    return { problems: [{ where, what, fix: `put there the one that issued it: ${issuerOf(leaf)}` }] };
  }
  const pem = [...new Set(known.map(String))].join("");
  const problems: Problem[] = [];
  if (Buffer.byteLength(pem) > most)
    problems.push({
      where,
      what: `has ${known.length} certificates in ${Math.ceil(Buffer.byteLength(pem) / 1024)} KiB, of which ${most / 1024} are taken`,
      fix: "leave only the company's own in it: public authorities are known anyway",
    });
  return problems.length > 0 ? { problems } : { value: { path, pem }, problems };
}

/** A directory, or a file without permission to read, is none. */
function readText(path: string, read: ReadFile): string | undefined {
  try {
    return read(path);
  } catch {
    return undefined;
  }
}

function readCertificate(block: string): X509Certificate | undefined {
  try {
    return new X509Certificate(block.replaceAll(/(TRUSTED|X509) CERTIFICATE/g, "CERTIFICATE"));
  } catch {
    return undefined;
  }
}

const oneLine = (name: string): string => show(name.replaceAll("\n", ", "));
const subjectOf = ({ subject }: X509Certificate): string => oneLine(subject ?? "");
const issuerOf = ({ issuer }: X509Certificate): string => oneLine(issuer ?? "");

/** The variables by which programs find the certificates, of those that don't use the system's store. */
export function caVariables(bundle: CaBundle | undefined): Record<string, string> {
  if (!bundle) return {};
  const store = [
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "GIT_SSL_CAINFO",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
  ];
  return {
    NODE_EXTRA_CA_CERTS: BUNDLE_IN_IMAGE,
    ...Object.fromEntries(store.map((name) => [name, STORE_IN_IMAGE])),
  };
}
