/** docker:index/container:Container. */
import type { Container, ContainerInspectInfo } from "dockerode";
import { type Bridged, bridged, type Live } from "../shared/bridged.ts";
import { num, records, str } from "../shared/plain.ts";
import type { Context } from "../shared/resource.ts";
import { pack } from "../shared/tar.ts";
import { type PlainProps, same } from "../shared/values.ts";
import { pause } from "../shared/wait.ts";
import { docker, doing, ifFound, reasonOf, statusOf } from "./client.ts";
import { containerLogs } from "./containerLogs.ts";
import { liveContainer } from "./containerRead.ts";
import { blanks, outputs, resourceProperties, schema, validate } from "./containerSchema.ts";
import { createOptions, endpointConfig, updatable, uploadEntries } from "./containerSpec.ts";
import { ensureImage } from "./images.ts";

const DEFAULT_WAIT_SECONDS = 60;
const REMOVAL_SECONDS = 60;
const LIMITS = ["memory", "memoryReservation", "memorySwap", "cpuShares"];

function quoted(inputs: PlainProps): string {
  return `container "${str(inputs.name) ?? "(unnamed)"}"`;
}

async function create(inputs: PlainProps, context: Context): Promise<Live> {
  await ensureImage(str(inputs.image) ?? "", context, str(inputs.platform));
  const container = await make(inputs);
  try {
    await joinNetworks(container, inputs);
    await upload(container, inputs);
    if (inputs.start !== false) await start(container, inputs, context);
    const logs = inputs.attach === true ? await attach(container, inputs) : {};
    const live = await read(container.id, inputs);
    if (live === undefined) throw new Error(`${quoted(inputs)} disappeared just after it was created`);
    return { id: live.id, properties: { ...live.properties, ...logs } };
  } catch (error) {
    // Removes the unfinished container, so that the next run can reuse its name.
    await container.remove({ v: true, force: true }).catch(() => {});
    throw error;
  }
}

async function make(inputs: PlainProps): Promise<Container> {
  const name = str(inputs.name) ?? "";
  try {
    return await (await docker()).createContainer(createOptions(inputs));
  } catch (error) {
    if (statusOf(error) === 409) {
      throw new Error(
        `can't create ${quoted(inputs)}: the name is in use. If an interrupted run left it, remove it ` +
          `(docker rm -f ${name}) or import it (pulumi import docker:index/container:Container … ${name})`,
      );
    }
    throw new Error(`can't create ${quoted(inputs)}: ${reasonOf(error)}`);
  }
}

async function joinNetworks(container: Container, inputs: PlainProps): Promise<void> {
  const networks = records(inputs.networksAdvanced);
  if (networks.length === 0) return;
  const daemon = await docker();
  try {
    await daemon.getNetwork("bridge").disconnect({ Container: container.id });
  } catch (error) {
    if (!reasonOf(error).includes("is not connected to")) {
      throw new Error(`can't disconnect ${quoted(inputs)} from the default network: ${reasonOf(error)}`);
    }
  }
  for (const network of networks) {
    const name = str(network.name) ?? "";
    const request = { Container: container.id, EndpointConfig: endpointConfig(network) };
    await doing(
      `can't connect ${quoted(inputs)} to network "${name}"`,
      daemon.getNetwork(name).connect(request),
    );
  }
}

async function upload(container: Container, inputs: PlainProps): Promise<void> {
  const entries = uploadEntries(inputs.uploads);
  if (entries.length === 0) return;
  await doing(
    `can't upload files into ${quoted(inputs)}`,
    container.putArchive(pack(entries), { path: "/" }),
  );
}

async function start(container: Container, inputs: PlainProps, context: Context): Promise<void> {
  await doing(`can't start ${quoted(inputs)}`, container.start());
  if (inputs.wait === true) await waitHealthy(container, inputs, context);
}

async function waitHealthy(container: Container, inputs: PlainProps, context: Context): Promise<void> {
  const seconds = num(inputs.waitTimeout) ?? DEFAULT_WAIT_SECONDS;
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const { State: state } = await doing(`can't inspect ${quoted(inputs)}`, container.inspect());
    if (state.Health === undefined) {
      throw new Error(
        `${quoted(inputs)} has \`wait\` but no health check; add \`healthcheck\` or remove \`wait\``,
      );
    }
    if (state.Health.Status === "healthy") return;
    if (Date.now() > deadline) {
      const last = state.Health.Log.at(-1)?.Output.trim() ?? "no check has run yet";
      throw new Error(
        `${quoted(inputs)} wasn't healthy within ${seconds} s (waitTimeout); last check: ${last}`,
      );
    }
    context.status(`Waiting for the container to be healthy (${state.Health.Status})`);
    await pause(500, context.signal);
  }
}

async function attach(container: Container, inputs: PlainProps): Promise<PlainProps> {
  await doing(`can't wait for the end of ${quoted(inputs)}`, container.wait());
  if (inputs.logs !== true) return {};
  const logs = containerLogs(container, inputs.tty === true);
  return { containerLogs: await doing(`can't read the logs of ${quoted(inputs)}`, logs) };
}

async function inspect(id: string): Promise<ContainerInspectInfo | undefined> {
  return ifFound(`can't read container ${id}`, (await docker()).getContainer(id).inspect());
}

async function read(id: string, known: PlainProps): Promise<Live | undefined> {
  const info = await inspect(id);
  if (info === undefined) return undefined;
  return { id: info.Id, properties: liveContainer(info as unknown as PlainProps, known) };
}

async function update(id: string, news: PlainProps, state: PlainProps, context: Context): Promise<Live> {
  const container = (await docker()).getContainer(id);
  if (news.mustRun !== false && state.mustRun === false && news.start !== false) {
    await doing(`can't start ${quoted(news)}`, ignoring304(container.start()));
  }
  const changed = resourceProperties.filter((name) => !same(news[name], state[name]));
  if (changed.length > 0) {
    await doing(`can't update ${quoted(news)}`, container.update(updatable(news)));
  }
  const lifted = LIMITS.filter((name) => changed.includes(name) && (num(news[name]) ?? 0) === 0);
  if (lifted.length > 0) {
    // The official plugin ignores this silently.
    const message = `Docker can't remove ${lifted.join(", ")} from an existing container; replace the container`;
    context.log(`${quoted(news)}: ${message}`, "warning");
  }
  return { id, properties: {} };
}

async function ignoring304<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (statusOf(error) === 304) return undefined;
    throw error;
  }
}

async function remove(id: string, state: PlainProps, context: Context): Promise<void> {
  const container = (await docker()).getContainer(id);
  const what = `can't remove ${quoted(state)}`;
  if (state.attach !== true) {
    const grace = num(state.destroyGraceSeconds) ?? 0;
    await ifFound(what, ignoring304(container.stop({ t: grace })));
  }
  try {
    await ifFound(what, container.remove({ v: state.removeVolumes !== false, force: true }));
  } catch (error) {
    if (!(error instanceof Error && error.message.includes("is already in progress"))) throw error;
  }
  for (let waited = 0; waited < REMOVAL_SECONDS * 10 && (await inspect(id)) !== undefined; waited++) {
    await pause(100, context.signal);
  }
}

const spec: Bridged = {
  schema,
  outputs,
  blanks,
  zeroFields: true,
  autoNamed: true,
  deleteFirst: true,
  validate,
  create,
  read,
  update,
  delete: remove,
};

export const container = bridged(spec);
