/** Phases of an update, from the engine's log (`pulumi up -v=9 --logtostderr`: one JSON object per line). */

export interface Phase {
  readonly name: string;
  readonly ms: number;
}

interface Line {
  readonly at: number;
  readonly message: string;
}

/** The log line that ends each phase, in order. A missing phase counts towards the next one. */
const MARKS: readonly (readonly [phase: string, end: RegExp])[] = [
  ["engine starts", /^newPlugin\(\): Launching plugin 'nodejs'/],
  ["language host, first time (the CLI asks about it)", /^killing plugin .*pulumi-language-nodejs/],
  ["stack read, git asked about the checkout", /^newPlugin\(\): Launching plugin 'nodejs'/],
  ["language host, second time; plugins looked up", /^langhost\[nodejs\]\.Run\(.*\) executing/],
  ["Node and Pulumi's SDK start", /^RegisterResource RPC finished: resource:.*\[pulumi:pulumi:Stack\]/],
  ["program is imported and reads projects.yaml", /^newPlugin\(\): Launching plugin '[^']+ \(resource\)'/],
];
const PLUGIN_LAUNCHED = /^newPlugin\(\): Launching plugin '([^' ]+) \(resource\)'/;
const PLUGIN_READY = /^Handshake: success \[.*pulumi-resource-([a-z-]+)\]/;
const PROGRAM_ENDED = /^langhost\[nodejs\]\.Run\(.*\) success/;

/**
 * The phases of one update, which add up to its whole time: gaps count as resources.
 * @param log the engine's log
 * @param began start of the process, in milliseconds since 1970
 * @param ended end of the process
 */
export function phases(log: string, began: number, ended: number): Phase[] {
  const lines = parse(log);
  const found: Phase[] = [];
  let from = began;
  let next = 0;
  for (const [name, end] of MARKS) {
    const index = lines.findIndex(({ message }, index) => index >= next && end.test(message));
    if (index < 0) continue;
    next = end.test(lines[index]?.message ?? "") && name.startsWith("program") ? index : index + 1;
    const at = lines[index]?.at ?? from;
    found.push({ name, ms: at - from });
    from = at;
  }
  const programEnd = lines.findLast(({ message }) => PROGRAM_ENDED.test(message))?.at ?? ended;
  const plugins = pluginStarts(lines.slice(next));
  const starting = plugins.reduce((sum, { ms }) => sum + ms, 0);
  return [
    ...found,
    ...plugins,
    { name: "resources are compared", ms: programEnd - from - starting },
    { name: "plugins stop, state is written", ms: ended - programEnd },
  ];
}

/** The engine starts plugins one at a time, at the first resource of each. */
function pluginStarts(lines: readonly Line[]): Phase[] {
  const launched = new Map<string, number>();
  return lines.flatMap(({ at, message }) => {
    const begun = PLUGIN_LAUNCHED.exec(message)?.[1];
    if (begun) launched.set(begun, at);
    const ready = PLUGIN_READY.exec(message)?.[1] ?? "";
    const since = launched.get(ready);
    launched.delete(ready);
    return since === undefined ? [] : [{ name: `plugin ${ready} starts`, ms: at - since }];
  });
}

function parse(log: string): Line[] {
  return log.split("\n").flatMap((text) => {
    if (!text.startsWith("{")) return [];
    try {
      const { time, msg } = JSON.parse(text) as { time: string; msg: string };
      return [{ at: milliseconds(time), message: msg }];
    } catch {
      return [];
    }
  });
}

/** Milliseconds since 1970, with the fraction that Date drops. */
function milliseconds(time: string): number {
  const fraction = /\.(\d+)Z$/.exec(time)?.[1] ?? "0";
  return Date.parse(time.replace(/\.\d+Z$/, "Z")) + Number(`0.${fraction}`) * 1000;
}
