import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { pipeline } from "node:stream/promises";

/** A file of the toolchain's folder. */
export interface Entry {
  sha256: string;
  size: number;
  mtimeMs: number;
  /** Its version, and how it was obtained. */
  version: string;
  way: string;
}

/** SHA-256 of a file, in hexadecimal. */
export async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

/** Finds a file's SHA-256 in a checksums file (`<hash>  <name>` per line). */
export function publishedChecksum(text: string, name: string): string | undefined {
  for (const line of text.split("\n")) {
    const match = /^([0-9a-fA-F]{64})\s+\*?(\S+)$/.exec(line.trim());
    if (match?.[2]?.split("/").pop() === name) return match[1]?.toLowerCase();
  }
  return undefined;
}

/** `manifest.json` in the toolchain's folder: checksums of everything downloaded or built into it. */
export class Manifest {
  readonly #dir: string;
  readonly #file: string;

  constructor(dir: string) {
    this.#dir = dir;
    this.#file = join(dir, "manifest.json");
  }

  /** Records a finished file. */
  async record(name: string, version: string, way: string): Promise<void> {
    const { size, mtimeMs } = statSync(this.#path(name));
    const entry: Entry = { sha256: await sha256(this.#path(name)), size, mtimeMs, version, way };
    this.#write({ ...this.#read(), [name]: entry });
  }

  /**
   * The entry of an existing file of the wanted version that still matches the record. Size and time are
   * compared first; the file is only hashed if they differ.
   */
  async verified(name: string, version: string): Promise<Entry | undefined> {
    const entry = this.#read()[name];
    const path = this.#path(name);
    if (!entry || entry.version !== version || !existsSync(path)) return undefined;
    const { size, mtimeMs } = statSync(path);
    if (size === entry.size && mtimeMs === entry.mtimeMs) return entry;
    if (size !== entry.size || (await sha256(path)) !== entry.sha256) return undefined;
    const touched = { ...entry, mtimeMs };
    this.#write({ ...this.#read(), [name]: touched });
    return touched;
  }

  #path(name: string): string {
    return isAbsolute(name) ? name : join(this.#dir, name);
  }

  #read(): Record<string, Entry> {
    try {
      const parsed: unknown = JSON.parse(readFileSync(this.#file, "utf8"));
      return isEntries(parsed) ? parsed : {};
    } catch {
      return {};
    }
  }

  #write(entries: Record<string, Entry>): void {
    const temporary = `${this.#file}.${process.pid}`;
    writeFileSync(temporary, `${JSON.stringify(entries, undefined, 2)}\n`);
    renameSync(temporary, this.#file);
  }
}

function isEntries(value: unknown): value is Record<string, Entry> {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every(
      (entry) => typeof entry?.sha256 === "string" && typeof entry?.size === "number",
    )
  );
}
