/** docker:index/volume:Volume. */
import type { VolumeInspectInfo } from "dockerode";
import { bridged, type Live } from "../shared/bridged.ts";
import { compact, str, texts } from "../shared/plain.ts";
import type { Context } from "../shared/resource.ts";
import { computed, replaced, type Schema, text, textMap } from "../shared/schema.ts";
import type { PlainProps } from "../shared/values.ts";
import { pause } from "../shared/wait.ts";
import { DockerError, docker, doing, ifFound } from "./client.ts";
import { labelList, labelMap, replacedLabels } from "./labels.ts";

export const schema: Schema = {
  cluster: {
    type: "any",
    refused:
      "the stand-in docker plugin doesn't cover cluster volumes; install the official plugin to use them",
  },
  driver: computed(replaced(text)),
  driverOpts: replaced(textMap),
  labels: replacedLabels,
  name: computed(replaced(text)),
};

async function read(id: string): Promise<Live | undefined> {
  const volume = (await docker()).getVolume(id);
  const info: VolumeInspectInfo | undefined = await ifFound(`can't read volume ${id}`, volume.inspect());
  if (info === undefined) return undefined;
  const properties = {
    name: info.Name,
    labels: labelList(info.Labels),
    driver: info.Driver,
    driverOpts: texts(info.Options ?? {}),
    mountpoint: info.Mountpoint,
  };
  return { id: info.Name, properties };
}

async function create(inputs: PlainProps): Promise<Live> {
  const name = str(inputs.name) ?? "";
  const options = {
    Name: name,
    Labels: labelMap(inputs.labels),
    ...compact({
      Driver: str(inputs.driver),
      DriverOpts: inputs.driverOpts === undefined ? undefined : texts(inputs.driverOpts),
    }),
  };
  await doing(`can't create volume "${name}"`, (await docker()).createVolume(options));
  const live = await read(name);
  if (live === undefined) throw new Error(`volume "${name}" disappeared just after it was created`);
  return live;
}

const REMOVE_ATTEMPTS = 30;

async function remove(id: string, _state: PlainProps, context: Context): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await ifFound(`can't remove volume "${id}"`, (await docker()).getVolume(id).remove({ force: true }));
      return;
    } catch (error) {
      const busy = error instanceof DockerError && error.message.includes("volume is in use");
      if (!busy || attempt === REMOVE_ATTEMPTS) throw error;
    }
    await pause(1000, context.signal);
  }
}

export const volume = bridged({
  schema,
  outputs: ["mountpoint", "driver"],
  autoNamed: true,
  create,
  read,
  delete: remove,
});
