/** The panel's process: checks its requirements, listens on loopback, and shuts down in order. */
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { checkConfiguration } from "../../config/check.ts";
import { explainError, fail } from "../../config/errors.ts";
import { pulumiCommand, settingKey } from "../../config/stack/commands.ts";
import type { Settings } from "../../config/stack/settings.ts";
import { type Engine, openEngine } from "../../operate/docker/engine.ts";
import { root } from "../../operate/engine/checkout.ts";
import { parseCommandLine } from "../../operate/engine/command-line.ts";
import { prepareStack } from "../../operate/engine/prepare.ts";
import { pulumiBinary } from "../../operate/engine/pulumi.ts";
import { type Session, sessionFor } from "../../operate/engine/session.ts";
import { dockerHost } from "../../toolchain/lib/docker.ts";
import { makePanel } from "./app.ts";
import { type ComposedPanel, compose } from "./compose.ts";
import { readServerSettings, type ServerSettings } from "./settings.ts";

/** Longer than the keep-alive of the proxies before it, so that none sends a request on a closing connection. */
const KEEP_ALIVE_MS = 75_000;

try {
  await run(process.argv.slice(2));
} catch (error) {
  console.error(explainError(error));
  process.exitCode = 1;
}

/** Runs the panel until a signal arrives. */
async function run(args: readonly string[]): Promise<void> {
  const session = sessionFor({ ...parseCommandLine(args), words: ["up"] });
  const { settings } = checkConfiguration(root, session.stack);
  const panel = readServerSettings(settings, session.isLocal, process.env);
  const engine = await findEngine(settings);
  // On a droplet the container installs the engine and its packages itself.
  if (session.isLocal) await pulumiBinary();
  // A pipeline has them, and the state.
  if (!panel.pipeline) await prepareStack(session, "plain");
  const ended = untilSignal();
  const composed = await compose({ session, settings, panel, engine, report });
  let server: Server | undefined;
  try {
    server = await listen(composed, panel, session);
    await composed.start();
    console.log(`The panel is at ${urlOf(panel, composed)}`);
    await ended;
    console.log("Stopping the panel; a running update is interrupted first …");
  } finally {
    server?.close();
    await composed.stop();
    server?.closeAllConnections();
  }
}

/** Connects to Docker's socket: a droplet's panel has no docker CLI. */
async function findEngine({ dockerSocket, namePrefix }: Settings): Promise<Engine> {
  const host = dockerHost(dockerSocket) ?? "";
  const socket = /^unix:\/\/(\/.*)$/.exec(host)?.[1];
  if (!socket)
    return fail("environment", "docker", `the panel needs a Docker socket, not ${host || dockerSocket}`);
  const engine = openEngine(socket);
  try {
    await engine.ids(namePrefix);
  } catch (error) {
    return fail(
      "environment",
      "docker",
      `is not responding at ${host}: ${(error as Error).message}`,
      "start Docker",
    );
  }
  return engine;
}

function urlOf({ access, port }: ServerSettings, { parts }: ComposedPanel): string {
  return access ? `https://${access.hostname}/` : (parts.localKey?.url ?? `http://127.0.0.1:${port}/`);
}

async function listen(composed: ComposedPanel, panel: ServerSettings, { stack }: Session): Promise<Server> {
  const { port } = panel;
  const app = makePanel(composed.parts);
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: "127.0.0.1", exclusive: true }, resolve);
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE") throw error;
    const key = settingKey("panel.port");
    const another = pulumiCommand(`config set --path '${key}' ${port + 1}`, stack);
    fail(
      "conflict",
      key,
      `port ${port} of 127.0.0.1 is in use`,
      `stop the program that uses it, or set another port: ${another}`,
    );
  });
  return server;
}

/** Resolves at the first signal; the second one exits at once. */
function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.on(signal, () => {
        if (++signals > 1) process.exit(1);
        resolve();
      });
  });
}

/** Logs a defect with the request's id. */
function report(error: unknown, requestId?: string): void {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  console.error(`${new Date().toISOString()}${requestId ? ` request ${requestId}` : ""} ${message}`);
}
