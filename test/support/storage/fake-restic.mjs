// restic, as far as the storage program calls it: a repository is a folder, a snapshot a copy. `<repository>.says.json` has what it fails with, by verb;
// `<repository>.now` the time of new snapshots.
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, matchesGlob } from "node:path";

const repository = process.env.RESTIC_REPOSITORY ?? "";
const args = process.argv.slice(2);
// Options before the verb, with a value each.
while (args[0] === "-o") args.splice(0, 2);
const [verb = "", ...words] = args;
appendFileSync(`${repository}.log`, `${JSON.stringify({ verb, words, cwd: process.cwd() })}\n`);

const valuesOf = (name) =>
  words.flatMap((word, index) =>
    word === name ? [words[index + 1]] : word.startsWith(`${name}=`) ? [word.slice(name.length + 1)] : [],
  );
const fail = (text, code = 1) => {
  console.error(text);
  process.exit(code);
};

const says = existsSync(`${repository}.says.json`)
  ? JSON.parse(readFileSync(`${repository}.says.json`, "utf8"))
  : {};
if (says[verb]) {
  const { text, code = 1, times = Number.POSITIVE_INFINITY, hang = false } = says[verb];
  if (times > 0) {
    writeFileSync(
      `${repository}.says.json`,
      JSON.stringify({
        ...says,
        [verb]: times === Number.POSITIVE_INFINITY ? says[verb] : { ...says[verb], times: times - 1 },
      }),
    );
    if (code === "SIGKILL") process.kill(process.pid, "SIGKILL");
    if (hang) setInterval(() => console.error(text), 20);
    else fail(text, code);
    await new Promise(() => {});
  }
}

const list = join(repository, "snapshots.json");
const read = () => JSON.parse(readFileSync(list, "utf8"));
const write = (snapshots) => writeFileSync(list, JSON.stringify(snapshots));
if (verb !== "init" && !existsSync(list))
  fail(
    `Fatal: unable to open config file: stat ${repository}/config: no such file or directory\nIs there a repository at the following location?\n${repository}`,
  );
if (
  verb !== "init" &&
  readFileSync(process.env.RESTIC_PASSWORD_FILE ?? "", "utf8") !==
    readFileSync(join(repository, "password"), "utf8")
)
  fail("Fatal: wrong password or no key found");
const find = (id) =>
  read().find((each) => each.id.startsWith(id)) ?? fail(`Fatal: no matching ID found for prefix "${id}"`);
const dataOf = (id) => join(repository, "data", find(id).id);

/** Paths of all that is below a folder, from its root. */
function* walk(folder, at = "") {
  for (const name of readdirSync(join(folder, at)).sort()) {
    const path = `${at}/${name}`;
    yield path;
    if (lstatSync(join(folder, path)).isDirectory()) yield* walk(folder, path);
  }
}

const isExcluded = (path, patterns) =>
  patterns.some((pattern) =>
    pattern.startsWith("/")
      ? matchesGlob(path, pattern)
      : pattern.includes("/")
        ? path.endsWith(`/${pattern}`)
        : matchesGlob(basename(path), pattern),
  );

const nowPath = `${repository}.now`;
const now = () => (existsSync(nowPath) ? readFileSync(nowPath, "utf8") : new Date().toISOString());

/** What is left by `--keep-last`, `--keep-tag` and `--keep-daily`, of each host: as restic, a day is of its newest, whatever else it is kept for. */
function keep() {
  const [last, daily] = ["--keep-last", "--keep-daily"].map((name) => Number(valuesOf(name)[0] ?? 0));
  const tagged = valuesOf("--keep-tag");
  const seen = new Map();
  return read()
    .toReversed()
    .filter(({ hostname, time, tags }) => {
      const of = seen.get(hostname) ?? { count: 0, days: new Set() };
      seen.set(hostname, of);
      const day = time.slice(0, 10);
      const isDay = !of.days.has(day) && of.days.size < daily;
      if (isDay) of.days.add(day);
      of.count += 1;
      return isDay || of.count <= last || tags.some((tag) => tagged.includes(tag));
    })
    .toReversed();
}

const VERBS = {
  init() {
    mkdirSync(join(repository, "data"), { recursive: true });
    cpSync(process.env.RESTIC_PASSWORD_FILE ?? "", join(repository, "password"));
    write([]);
  },
  snapshots() {
    const [tag] = valuesOf("--tag");
    console.log(JSON.stringify(read().filter(({ tags }) => !tag || tags.includes(tag))));
  },
  backup() {
    const targets = readFileSync(0, "utf8").split("\0").filter(Boolean);
    const id = randomBytes(32).toString("hex");
    const patterns = valuesOf("--exclude");
    const to = join(repository, "data", id);
    for (const target of targets) {
      mkdirSync(dirname(join(to, target)), { recursive: true });
      cpSync(join(process.cwd(), target), join(to, target), {
        recursive: true,
        verbatimSymlinks: true,
        preserveTimestamps: true,
        filter: (path) => !isExcluded(path, patterns),
      });
    }
    const tags = valuesOf("--tag").flatMap((each) => each.split(","));
    const [hostname] = valuesOf("--host");
    write([...read(), { id, time: now(), tags, hostname }]);
    console.log(JSON.stringify({ message_type: "status", percent_done: 0.5 }));
    console.log(JSON.stringify({ message_type: "summary", data_added: 17, snapshot_id: id }));
  },
  tag() {
    // As restic does it: another snapshot takes the place of the one before.
    const { id } = find(words.at(-1));
    const next = randomBytes(32).toString("hex");
    const changed = (each) => ({
      ...each,
      id: next,
      tags: [...new Set([...each.tags, ...valuesOf("--add")])],
    });
    write(read().map((each) => (each.id === id ? changed(each) : each)));
    renameSync(join(repository, "data", id), join(repository, "data", next));
  },
  forget() {
    const ids = words.filter((word) => /^[0-9a-f]{8}$/.test(word));
    const kept =
      ids.length > 0 ? read().filter(({ id }) => !ids.some((each) => id.startsWith(each))) : keep();
    write(kept);
  },
  restore() {
    const from = dataOf(words[0]);
    const [target = ""] = valuesOf("--target");
    const include = valuesOf("--include")[0]?.replace(/\\(.)/g, "$1");
    if (!include) cpSync(from, target, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    else if (existsSync(join(from, include))) {
      mkdirSync(dirname(join(target, include)), { recursive: true });
      cpSync(join(from, include), join(target, include), { recursive: true, verbatimSymlinks: true });
    }
  },
  ls() {
    const from = dataOf(words[0]);
    for (const path of walk(from)) {
      const found = lstatSync(join(from, path));
      const type = found.isDirectory() ? "dir" : found.isSymbolicLink() ? "symlink" : "file";
      console.log(
        JSON.stringify({ struct_type: "node", type, path, ...(type === "file" && { size: found.size }) }),
      );
    }
  },
  list() {
    const folder = join(repository, "locks");
    if (existsSync(folder)) for (const name of readdirSync(folder)) console.log(name);
  },
  cat() {
    console.log(readFileSync(join(repository, "locks", words[1]), "utf8"));
  },
  unlock() {
    if (words.includes("--remove-all")) rmSync(join(repository, "locks"), { recursive: true, force: true });
  },
  check() {},
  prune() {},
};
if (/^(backup|forget|tag|check|prune)$/.test(verb) && existsSync(join(repository, "locks")))
  fail(
    "unable to create lock in backend: repository is already locked by PID 7 on elsewhere by root (UID 0, GID 0)",
  );
(VERBS[verb] ?? (() => fail(`unknown command ${verb}`)))();
