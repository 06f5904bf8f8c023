/** Signatures of S3 requests (AWS Signature Version 4), with a body that is known. */
import { createHash, createHmac } from "node:crypto";

export interface Signed {
  readonly method: string;
  readonly url: URL;
  readonly body: string;
  /** `x-amz-acl`; such headers have to be signed. */
  readonly acl?: string | undefined;
  readonly keyId: string;
  readonly secret: string;
  readonly region: string;
  /** `20261130T120000Z`. */
  readonly at: string;
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** The headers that sign a request; whoever checks one compares `authorization`. */
export function signature({
  method,
  url,
  body,
  acl,
  keyId,
  secret,
  region,
  at,
}: Signed): Record<string, string> {
  const headers: Record<string, string> = {
    host: url.host,
    "x-amz-content-sha256": sha256(body),
    "x-amz-date": at,
    ...(acl ? { "x-amz-acl": acl } : {}),
  };
  const names = Object.keys(headers).sort();
  const query = [...url.searchParams]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort();
  const request = [
    ...[method, url.pathname, query.join("&")],
    ...names.map((name) => `${name}:${headers[name]}`),
    ...["", names.join(";"), sha256(body)],
  ].join("\n");
  const scope = `${at.slice(0, 8)}/${region}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", at, scope, sha256(request)].join("\n");
  const key = [region, "s3", "aws4_request"].reduce<Buffer>(hmac, hmac(`AWS4${secret}`, at.slice(0, 8)));
  const authorization = `AWS4-HMAC-SHA256 Credential=${keyId}/${scope}, SignedHeaders=${names.join(";")}, Signature=${hmac(key, text).toString("hex")}`;
  return { ...headers, authorization };
}
