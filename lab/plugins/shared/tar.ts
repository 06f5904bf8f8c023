/** Writes tar archives in memory: enough of the format for uploads and build contexts. */

const BLOCK = 512;
const NAME_LENGTH = 100;

/** An entry of an archive. */
export interface TarEntry {
  readonly path: string;
  readonly mode: number;
  readonly type?: "file" | "directory" | "symlink";
  readonly content?: Uint8Array;
  /** Owner and group. Default: root. */
  readonly uid?: number;
  readonly gid?: number;
  /** Target of a symlink. */
  readonly target?: string;
  /** Seconds since 1970; build caches need the same archive for the same content. */
  readonly mtime?: number;
}

const TYPE_FLAGS = { file: "0", directory: "5", symlink: "2" } as const;

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, "0")}\0`;
}

function header(entry: TarEntry, size: number, typeFlag: string): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(entry.path.slice(0, NAME_LENGTH), 0);
  block.write(octal(entry.mode & 0o7777, 8), 100);
  block.write(octal(entry.uid ?? 0, 8), 108);
  block.write(octal(entry.gid ?? 0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(entry.mtime ?? 0, 12), 136);
  block.write("        ", 148);
  block.write(typeFlag, 156);
  block.write((entry.target ?? "").slice(0, NAME_LENGTH), 157);
  block.write("ustar\x0000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

function padded(content: Uint8Array): Buffer[] {
  const rest = content.length % BLOCK;
  return [Buffer.from(content), ...(rest === 0 ? [] : [Buffer.alloc(BLOCK - rest)])];
}

/** A line of an extended header; its length includes itself. */
function paxLine(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes + String(bytes).length;
  if (bytes + String(length).length !== length) length = bytes + String(length).length;
  return `${length}${rest}`;
}

function extended(entry: TarEntry): Buffer[] {
  const long = (value: string): boolean =>
    Buffer.byteLength(value) > NAME_LENGTH || /[^\x20-\x7e]/.test(value);
  const lines: string[] = [];
  if (long(entry.path)) lines.push(paxLine("path", entry.path));
  if (entry.target !== undefined && long(entry.target)) lines.push(paxLine("linkpath", entry.target));
  if (lines.length === 0) return [];
  const content = Buffer.from(lines.join(""));
  return [header({ path: "PaxHeader", mode: 0o644 }, content.length, "x"), ...padded(content)];
}

/** Packs entries into an archive. */
export function pack(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const content = entry.content ?? new Uint8Array();
    return [
      ...extended(entry),
      header(entry, content.length, TYPE_FLAGS[entry.type ?? "file"]),
      ...padded(content),
    ];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}
