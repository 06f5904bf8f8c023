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

const IMAGE_TYPE = "docker:index/image:Image";
/** On what is left of the stages of an image's build, with the release of opencode, or `tools` (opencode/Dockerfile). */
const STAGE_LABEL = "dev.opencode-platform.stage";
/** Milliseconds for Docker to remove one. */
const TIMEOUT_MS = 120_000;

/** The images that a state has, as `<repository>:<tag>`. */
export const imagesOfState = (deployment: Deployment | undefined): string[] =>
  (deployment?.resources ?? []).flatMap(({ type, id }) => (type === IMAGE_TYPE && id ? [id] : []));

export interface OldImagesParts {
  readonly run: RunDocker;
  /** The stack's images, without a tag; `…/*` for those whose names differ in their last part. Others are never touched. */
  readonly repository: string;
  /** When the update began: what was tagged since then, and is not in the state, is another update's. */
  readonly began: Date;
  /** The images that stay, whether a container has them or not. */
  readonly current: () => Promise<readonly string[]>;
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
}: OldImagesParts): Promise<string[]> {
  const lines = async (...args: string[]) => {
    const { code, stdout } = await run(args);
    return code === 0 ? stdout.split("\n").filter((line) => line && !line.includes("<none>")) : [];
  };
  const format = ["--format", "{{.Repository}}:{{.Tag}}"];
  const present = await lines("image", "ls", ...format, "--filter", `reference=${repository}`);
  const used = new Set(await lines("ps", "--all", "--no-trunc", "--format", "{{.Image}}"));
  const start = repository.endsWith("/*") ? repository.slice(0, -1) : `${repository}:`;
  const idle = present.filter((image) => image.startsWith(start) && !used.has(image));
  if (idle.length === 0) return [];
  const kept = new Set(await current());
  const removed: string[] = [];
  for (const image of idle.filter((image) => !kept.has(image))) {
    const [tagged = ""] = await lines(
      "image",
      "inspect",
      "--format",
      "{{json .Metadata.LastTagTime}}",
      image,
    );
    if (!(new Date(String(parseJson(tagged))) < began)) continue;
    // Without force: Docker refuses what a container has got meanwhile.
    if ((await run(["image", "rm", image], TIMEOUT_MS)).code === 0) removed.push(image);
  }
  if (removed.length > 0) await removeStages(run);
  return removed;
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
    const needed = imagesOfLocks(session);
    const current = async () => needed ?? [];
    if (needed) removed.push(...(await removeOldImages({ run, repository, began, current })));
    if (removed.length > 0) notify(`Removed images that nothing uses: ${removed.join(", ")}.`);
  } catch {
    // The images stay.
  }
}
