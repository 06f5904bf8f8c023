/** Images that an update has made superfluous: of a release or an environment that no project asks for any more. */
import { makeNames } from "../../config/naming/names.ts";
import type { Settings } from "../../config/stack/settings.ts";
import { parseJson } from "../../config/text/json.ts";
import { imagesOfLocks } from "../devcontainer/images.ts";
import type { Session } from "../engine/session.ts";
import type { Deployment } from "../state/checkpoint.ts";
import { readStateIfAny } from "../state/state.ts";
import type { RunDocker } from "./containers.ts";
import { dockerOfStack } from "./of-stack.ts";

/** When this Docker has named an image. */
const TAGGED = "Metadata.LastTagTime";
const IMAGE_TYPE = "docker:index/image:Image";
/** On what is left of the stages of an image's build, with the release of opencode, or `tools` (opencode/Dockerfile). */
const STAGE_LABEL = "dev.opencode-platform.stage";
/** Milliseconds for Docker to remove one. */
const TIMEOUT_MS = 120_000;
/**
 * Of the images of devcontainer.json that stay although no entry names them: as young as this, in milliseconds, since the pull request that names it may
 * be open; and the newest of each project, since what was written down may be reverted.
 */
const SPARED = { age: 14 * 86_400_000, newest: 2 } as const;

/** The images that a state has, as `<repository>:<tag>`. */
export const imagesOfState = (deployment: Deployment | undefined): string[] =>
  (deployment?.resources ?? []).flatMap(({ type, id }) => (type === IMAGE_TYPE && id ? [id] : []));

export interface OldImagesParts {
  readonly run: RunDocker;
  /** The stack's images, without a tag; `…/*` for those whose names differ in their last part. Others are never touched. */
  readonly repository: string;
  /** When the update began: what was tagged since then, and is not in the state, is another update's. */
  readonly began: Date;
  /** The images that stay, whether a container has them or not; undefined if that is not known: then all do. Only asked where one has no container. */
  readonly current: () => Promise<readonly string[] | undefined>;
  /** Which others stay: those that were built less milliseconds before the update than this, and so many of each repository. Default: none. */
  readonly spared?: { readonly age: number; readonly newest: number };
}

/**
 * Removes the images of a stack that no container uses, not even a stopped one, and that are not current.
 * @returns the names of the removed images
 */
export async function removeOldImages({
  run,
  repository,
  began,
  current,
  spared,
}: OldImagesParts): Promise<string[]> {
  const lines = async (...args: string[]) => {
    const { code, stdout } = await run(args);
    return code === 0 ? stdout.split("\n").filter((line) => line && !line.includes("<none>")) : [];
  };
  const format = ["--format", "{{.Repository}}:{{.Tag}}"];
  const present = await lines("image", "ls", ...format, "--filter", `reference=${repository}`);
  const start = repository.endsWith("/*") ? repository.slice(0, -1) : `${repository}:`;
  const own = present.filter((image) => image.startsWith(start));
  // Most stacks have none of devcontainer.json, and this runs after every update.
  if (own.length === 0) return [];
  const used = new Set(await lines("ps", "--all", "--no-trunc", "--format", "{{.Image}}"));
  const idle = own.filter((image) => !used.has(image));
  if (idle.length === 0) return [];
  const timeOf = async (field: string, image: string): Promise<Date> => {
    const [time = ""] = await lines("image", "inspect", "--format", `{{json .${field}}}`, image);
    return new Date(String(parseJson(time)));
  };
  const named = await current();
  if (!named) return [];
  const kept = new Set(named);
  const young = spared ? await youngOf(own, timeOf, began, spared) : [];
  const removed: string[] = [];
  for (const image of idle.filter((image) => !kept.has(image) && !young.includes(image))) {
    if (!((await timeOf(TAGGED, image)) < began)) continue;
    // Without force: Docker refuses what a container has got meanwhile.
    if ((await run(["image", "rm", image], TIMEOUT_MS)).code === 0) removed.push(image);
  }
  if (removed.length > 0) await removeStages(run);
  return removed;
}

/** The same for images of devcontainer.json, of which young ones and the newest of each project stay. */
export const removeOldDevcontainers = (parts: Omit<OldImagesParts, "spared">): Promise<string[]> =>
  removeOldImages({ ...parts, spared: SPARED });

/** Those that are spared of a stack's. One whose time Docker does not say is young. */
async function youngOf(
  images: readonly string[],
  timeOf: (field: string, image: string) => Promise<Date>,
  began: Date,
  { age, newest }: NonNullable<OldImagesParts["spared"]>,
): Promise<string[]> {
  const timed: { image: string; repository: string; time: number }[] = [];
  for (const image of images) {
    // A build that is in the builder's cache has the time of the first, and is tagged now.
    const times = [await timeOf("Created", image), await timeOf(TAGGED, image)].map(Number);
    const time = Math.max(...times.filter((time) => !Number.isNaN(time)));
    const repository = image.slice(0, image.lastIndexOf(":"));
    timed.push({ image, repository, time: Number.isFinite(time) ? time : Number.POSITIVE_INFINITY });
  }
  timed.sort((a, b) => b.time - a.time);
  const isNewest = (index: number) =>
    timed.slice(0, index).filter(({ repository }) => repository === timed[index]?.repository).length < newest;
  return timed.flatMap(({ image, time }, index) =>
    Number(began) - time < age || isNewest(index) ? [image] : [],
  );
}

/**
 * Removes what is left of building images of releases that no image on this Docker is of any more, whichever stack's. It is a cache, and has no name.
 */
export async function removeStages(run: RunDocker): Promise<void> {
  const dangling = ["--filter", "dangling=true", "--filter", `label=${STAGE_LABEL}`];
  const stages = await run(["image", "ls", "--quiet", "--no-trunc", ...dangling]);
  const ids = [...new Set(stages.stdout.split(/\s+/).filter(Boolean))];
  if (stages.code !== 0 || ids.length === 0) return;
  const { stdout } = await run([
    "image",
    "ls",
    "--format",
    "{{.Tag}}",
    "--filter",
    "reference=*-platform/opencode",
  ]);
  const tags = stdout.split("\n").filter(Boolean);
  for (const id of ids) {
    const label = await run([
      "image",
      "inspect",
      "--format",
      `{{index .Config.Labels "${STAGE_LABEL}"}}`,
      id,
    ]);
    const release = label.stdout.trim();
    const isNeeded =
      release === "tools" ? tags.length > 0 : tags.some((tag) => tag.startsWith(`${release}-`));
    if (label.code === 0 && !isNeeded) await run(["image", "rm", id], TIMEOUT_MS);
  }
}

/**
 * The same for a stack whose update has succeeded. What goes wrong is no failure of the update, and is tried again after the next.
 * @param also images that stay beside those of the state
 * @param began when the update began, or before. Default: when the process did
 */
export async function removeImagesAfterUpdate(
  session: Session,
  settings: Settings,
  notify: (line: string) => void,
  also: readonly string[] = [],
  began = new Date(performance.timeOrigin),
): Promise<void> {
  try {
    const run = await dockerOfStack(session, settings);
    if (!run) return;
    const names = makeNames(settings.namePrefix);
    const removed = await removeOldImages({
      run,
      repository: names.image,
      began,
      current: async () => {
        const state = imagesOfState(await readStateIfAny(session));
        // Without a state nobody knows what is old.
        if (state.length === 0) throw new Error("the state has no image");
        return [...state, ...also];
      },
    });
    const repository = names.devcontainer("*");
    const current = async () => imagesOfLocks(session);
    removed.push(...(await removeOldDevcontainers({ run, repository, began, current })));
    if (removed.length > 0) notify(`Removed images that nothing uses: ${removed.join(", ")}.`);
  } catch {
    // The images stay.
  }
}
