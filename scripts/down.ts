/** `npm run down`: removes everything that `npm start` created, except data and the toolchain. */
import { existsSync } from "node:fs";
import { fail } from "../config/errors.ts";
import { DROPLET_IMAGE, storageDirectory } from "../config/naming/names.ts";
import { localWorkspaces } from "../config/stack/workspaces-dir.ts";
import { imagesOfLocks } from "../operate/devcontainer/images.ts";
import { removeImages } from "../operate/docker/images.ts";
import { dockerEnv, readSettings, root, STACK, stateDir, toolchain } from "../operate/engine/checkout.ts";
import { heal } from "../operate/engine/heal.ts";
import { commandFor, openSession, stackExists } from "../operate/engine/session.ts";
import { updateOrThrow } from "../operate/engine/update.ts";
import { docker, engineVersion, imageId } from "../toolchain/lib/docker.ts";
import { stopDockerd } from "../toolchain/parts/docker.ts";
import { keptLines } from "./lib/kept.ts";
import { main } from "./lib/main.ts";
import { refuseOtherStack } from "./lib/only-local.ts";
import { showUpdate } from "./lib/progress.ts";

await main(async (args) => {
  refuseOtherStack("run down", args, (session) => commandFor(session, "destroy"));
  const settings = readSettings();
  const env = dockerEnv(settings);
  if (!(await engineVersion(env))) {
    fail(
      "environment",
      "docker",
      "is not responding, so nothing can be removed",
      "start it, then run this again (npm run doctor has details)",
    );
  }
  const session = openSession();
  if (stackExists(session)) {
    await heal(session, console.log);
    await showUpdate("destroy", (onUpdateEvent) => updateOrThrow(session, "destroy", { onUpdateEvent }));
  } else {
    console.log(`The stack ${STACK} does not exist; nothing to remove.`);
  }
  const images = await removeImages(env, settings.namePrefix, [DROPLET_IMAGE], imagesOfLocks(session));
  if (images.length > 0) console.log(`Removed images: ${images.join(", ")}.`);
  const hasDropletImage = (await imageId(DROPLET_IMAGE, env)) !== undefined;
  if (!(await runsAnything(env)) && (await stopDockerd(toolchain)))
    console.log("Stopped the Docker Engine that `npm start` had started.");
  const workspaces = localWorkspaces(settings, root).path;
  const storage = storageDirectory(workspaces);
  const kept = keptLines({
    workspaces,
    storage: existsSync(storage) ? storage : undefined,
    state: stateDir,
    toolchain,
    dropletImage: hasDropletImage ? DROPLET_IMAGE : undefined,
  });
  console.log(["", ...kept].join("\n"));
  return 0;
});

/** Whether another checkout or user still uses the Engine that `npm start` had started. */
async function runsAnything(env: NodeJS.ProcessEnv): Promise<boolean> {
  return (await docker(["ps", "--quiet"], env)).stdout.trim() !== "";
}
