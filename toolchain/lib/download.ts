import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

/** Downloads a small text. */
export async function fetchText(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(20_000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.text();
}

/** Downloads a file and returns its SHA-256; `progress` receives the progress. */
export async function fetchFile(
  url: string,
  file: string,
  progress: (words: string) => void,
): Promise<string> {
  const response = await fetch(url);
  if (!response.ok || !response.body) throw new Error(`${url} answered ${response.status}`);
  const total = Number(response.headers.get("content-length") ?? 0);
  const hash = createHash("sha256");
  let got = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      got += chunk.length;
      hash.update(chunk);
      progress(`downloading ${mebibytes(got)}${total ? ` of ${mebibytes(total)}` : ""}`);
      done(null, chunk);
    },
  });
  await pipeline(Readable.fromWeb(response.body), meter, createWriteStream(file));
  return hash.digest("hex");
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
