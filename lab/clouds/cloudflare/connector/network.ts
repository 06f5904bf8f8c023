/** How the connector reaches Cloudflare: addresses and trust, which unit tests replace. */
import { readFileSync } from "node:fs";
import { get } from "node:https";

export interface Network {
  /** PEM of the trusted authorities. */
  readonly ca: string | Buffer;
  /** Returns the address of an HTTPS host. */
  readonly at: (hostname: string) => { host: string; port: number };
}

/** `address:port` to use for every name instead of DNS, on machines whose DNS does not know the stand-in. */
export const EDGE_VARIABLE = "CLOUDFLARE_STANDIN_EDGE";

/** Trusts the system's authorities, located like in Go. */
export function systemNetwork(): Network {
  const [host, port] = process.env[EDGE_VARIABLE]?.split(":") ?? [];
  return {
    ca: readFileSync(process.env.SSL_CERT_FILE ?? "/etc/ssl/certs/ca-certificates.crt"),
    at: (hostname) => ({ host: host ?? hostname, port: Number(port ?? 443) }),
  };
}

/** Reads a resource over HTTPS. */
export function read(url: URL, { ca, at }: Network): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = { host: url.host };
    const options = {
      ...at(url.hostname),
      path: url.pathname + url.search,
      servername: url.hostname,
      ca,
      headers,
    };
    const request = get({ ...options, timeout: 10_000 }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString("utf8") }),
      );
    });
    request.on("timeout", () => request.destroy(new Error(`no response from ${url.host}`)));
    request.on("error", reject);
  });
}
