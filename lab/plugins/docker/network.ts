/** docker:index/network:Network. */
import type { NetworkCreateOptions, NetworkInspectInfo } from "dockerode";
import { bridged, type Live } from "../shared/bridged.ts";
import { bool, compact, record, records, str, texts } from "../shared/plain.ts";
import type { Context } from "../shared/resource.ts";
import { computed, flag, objects, replaced, type Schema, text, textMap } from "../shared/schema.ts";
import type { PlainProps } from "../shared/values.ts";
import { pause } from "../shared/wait.ts";
import { DockerError, docker, doing, ifFound } from "./client.ts";
import { labelList, labelMap, replacedLabels } from "./labels.ts";

export const schema: Schema = {
  attachable: replaced(flag),
  driver: computed(replaced(text)),
  ingress: replaced(flag),
  internal: computed(replaced(flag)),
  ipamConfigs: computed(
    replaced(objects({ auxAddress: textMap, gateway: text, ipRange: text, subnet: text })),
  ),
  ipamDriver: { ...replaced(text), fallback: "default" },
  ipamOptions: replaced(textMap),
  ipv6: replaced(flag),
  labels: replacedLabels,
  name: replaced(text),
  options: computed(replaced(textMap)),
};

/** The daemon's create request. */
export function createOptions(inputs: PlainProps): NetworkCreateOptions {
  const configs = records(inputs.ipamConfigs).map((config) =>
    compact({
      Subnet: str(config.subnet),
      IPRange: str(config.ipRange),
      Gateway: str(config.gateway),
      AuxiliaryAddresses: config.auxAddress === undefined ? undefined : texts(config.auxAddress),
    }),
  );
  const ipam = compact({
    Driver: str(inputs.ipamDriver),
    Config: configs.length > 0 ? configs : undefined,
    Options: inputs.ipamOptions === undefined ? undefined : texts(inputs.ipamOptions),
  });
  return {
    Name: str(inputs.name) ?? "",
    CheckDuplicate: true,
    Labels: labelMap(inputs.labels),
    ...compact({
      Driver: str(inputs.driver),
      Internal: bool(inputs.internal),
      Attachable: bool(inputs.attachable),
      Ingress: bool(inputs.ingress),
      EnableIPv6: bool(inputs.ipv6),
      Options: inputs.options === undefined ? undefined : texts(inputs.options),
      IPAM: Object.keys(ipam).length > 0 ? ipam : undefined,
    }),
  } as NetworkCreateOptions;
}

/** A network's state from the daemon. */
export function liveNetwork(info: NetworkInspectInfo): PlainProps {
  return {
    name: info.Name,
    labels: labelList(info.Labels),
    driver: info.Driver,
    internal: info.Internal,
    attachable: info.Attachable,
    ingress: info.Ingress,
    ipv6: info.EnableIPv6,
    ipamDriver: info.IPAM?.Driver ?? "default",
    ipamOptions: texts(info.IPAM?.Options ?? {}),
    options: texts(info.Options ?? {}),
    scope: info.Scope,
    ipamConfigs: (info.IPAM?.Config ?? []).map((config) =>
      Object.fromEntries(
        Object.entries({
          subnet: config.Subnet,
          ipRange: config.IPRange,
          gateway: config.Gateway,
          auxAddress: record(config.AuxiliaryAddresses as PlainProps | undefined),
        }).flatMap(([key, value]) => (value === undefined || value === "" ? [] : [[key, value]])),
      ),
    ),
  };
}

async function read(id: string): Promise<Live | undefined> {
  const network = (await docker()).getNetwork(id);
  const info: NetworkInspectInfo | undefined = await ifFound(`can't read network ${id}`, network.inspect());
  return info === undefined ? undefined : { id: info.Id, properties: liveNetwork(info) };
}

async function create(inputs: PlainProps): Promise<Live> {
  const name = str(inputs.name) ?? "";
  const network = await doing(
    `can't create network "${name}"`,
    (await docker()).createNetwork(createOptions(inputs)),
  );
  const live = await read(network.id);
  if (live === undefined) throw new Error(`network "${name}" disappeared just after it was created`);
  return live;
}

const REMOVE_ATTEMPTS = 30;

/** Containers that are being removed still use the network for a moment. */
async function remove(id: string, state: PlainProps, context: Context): Promise<void> {
  const what = `can't remove network "${str(state.name) ?? id}"`;
  for (let attempt = 1; ; attempt++) {
    try {
      await ifFound(what, (await docker()).getNetwork(id).remove());
      return;
    } catch (error) {
      const busy = error instanceof DockerError && error.message.includes("has active endpoints");
      if (!busy || attempt === REMOVE_ATTEMPTS) throw error;
    }
    await pause(1000, context.signal);
  }
}

export const network = bridged({
  schema,
  outputs: ["scope", "driver", "internal", "ipamConfigs", "options"],
  zeroFields: true,
  autoNamed: true,
  create,
  read,
  delete: remove,
});
