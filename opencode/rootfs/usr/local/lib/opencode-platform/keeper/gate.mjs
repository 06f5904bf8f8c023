// Whether a container waits at its gate (`gate` in the image), as its processes say.
import { readFile } from "node:fs/promises";

/** In the image. */
export const GATE = "/usr/local/lib/opencode-platform/gate";

/**
 * What a container's processes say of its gate, by their command lines: the first process, and those that it has started.
 * @returns {"waiting" | "open" | "unknown"} unknown: it has hardly started
 */
export function gateOf(commands) {
  const words = commands.map((command) => command.split("\0").filter(Boolean));
  if (words.some(([, file, verb]) => file === GATE && verb === "wait")) return "waiting";
  const isBefore = ([program = "", file = "", verb]) =>
    /(^|\/)(docker-init|tini)$/.test(program) ||
    (file.endsWith("/opencode-platform/entrypoint") && verb === undefined);
  return words.length === 0 || words.every((each) => each.length === 0 || isBefore(each))
    ? "unknown"
    : "open";
}

/** The same of a container, by /proc. @param {number} pid of its first process, on the host */
export async function lookAtGate(pid, proc = "/proc") {
  const read = (path) => readFile(`${proc}/${path}`, "utf8").catch(() => "");
  const children = (await read(`${pid}/task/${pid}/children`)).split(" ").filter(Boolean);
  return gateOf(await Promise.all([pid, ...children].map((id) => read(`${id}/cmdline`))));
}
