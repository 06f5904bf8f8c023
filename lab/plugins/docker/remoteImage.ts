/** docker:index/remoteImage:RemoteImage. */
import type { ImageInspectInfo } from "dockerode";
import { bridged, type Live } from "../shared/bridged.ts";
import { str } from "../shared/plain.ts";
import type { Context } from "../shared/resource.ts";
import { flag, replaced, type Schema, text, textMap, textSet } from "../shared/schema.ts";
import type { PlainProps } from "../shared/values.ts";
import { docker, ifFound } from "./client.ts";
import { ensureImage, localImage } from "./images.ts";

export const schema: Schema = {
  build: {
    type: "any",
    refused:
      "the stand-in docker plugin builds with docker.Image only; use that, or install the official plugin",
  },
  forceRemove: flag,
  keepLocally: flag,
  name: { ...replaced(text), required: true },
  platform: replaced(text),
  pullTriggers: replaced(textSet),
  triggers: replaced(textMap),
};

function live(name: string, image: ImageInspectInfo): Live {
  const repository = name.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
  const digests = image.RepoDigests ?? [];
  const repoDigest = digests.find((digest) => digest.startsWith(`${repository}@`)) ?? "";
  return { id: `${image.Id}${name}`, properties: { imageId: image.Id, repoDigest } };
}

async function create(inputs: PlainProps, context: Context): Promise<Live> {
  const name = str(inputs.name) ?? "";
  return live(name, await ensureImage(name, context, str(inputs.platform)));
}

async function read(_id: string, known: PlainProps): Promise<Live | undefined> {
  const name = str(known.name) ?? "";
  const image = await localImage(name);
  return image === undefined ? undefined : live(name, image);
}

async function remove(_id: string, state: PlainProps): Promise<void> {
  if (state.keepLocally === true) return;
  const name = str(state.name) ?? "";
  const image = (await docker()).getImage(name);
  await ifFound(`can't remove image "${name}"`, image.remove({ force: state.forceRemove === true }));
}

export const remoteImage = bridged({
  schema,
  outputs: ["imageId", "repoDigest"],
  create,
  read,
  update: async (_id, news, _state, context) => create(news, context),
  delete: remove,
});
