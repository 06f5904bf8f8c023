/** The filter before Docker's socket on both of its sockets, with a Docker that notes what reaches it. */
import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { removeFolder, temporaryFolder } from "../temporary.ts";

type Access = "read" | "panel";
type StartFilter = (options: {
  listenOn: string;
  docker: string;
  prefix: string;
  keeper: string;
  storage: string;
  access: Access;
}) => Promise<Server>;
const KEEPER_DIR = "../../../opencode/rootfs/usr/local/lib/opencode-platform/keeper";
const { startFilter } = (await import(new URL(`${KEEPER_DIR}/filter.mjs`, import.meta.url).href)) as {
  startFilter: StartFilter;
};

export const PREFIX = "own";
export const OWN = "a".repeat(64);
export const OTHER = "b".repeat(64);
export const KEEPER = "c".repeat(64);
export const SERVICE = "d".repeat(64);
const STORAGE = "e".repeat(64);
export const SECRET = "canary-of-the-environment";

const labels = (prefix: string, more = {}) => ({ "dev.opencode-platform.prefix": prefix, ...more });
export const project = (name: string) => ({ "dev.opencode-platform.project": name });
const container = (Id: string, name: string, Labels: Record<string, string>) => ({
  Id,
  Name: `/${name}`,
  Path: "/bin/true",
  Args: [SECRET],
  State: { Status: "running", Running: true, Health: { Status: "healthy", Log: [{ Output: "serving" }] } },
  Config: { Labels, Env: [`TOKEN=${SECRET}`], Cmd: [SECRET], Tty: false },
  HostConfig: { NetworkMode: "own-network-a", Binds: [`/srv/${SECRET}:/x`], Memory: 5 },
  Mounts: [{ Source: `/srv/${SECRET}` }],
  NetworkSettings: {
    Ports: {},
    Networks: { n: { NetworkID: "n1", IPAddress: "172.20.0.2", MacAddress: SECRET } },
  },
});
const CONTAINERS = [
  container(OWN, "own-project-a", labels(PREFIX, project("a"))),
  container(OTHER, "else-project-a", labels("else", project("a"))),
  container(KEEPER, "own-keeper", labels(PREFIX)),
  container(STORAGE, "own-storage", labels(PREFIX)),
  container(
    SERVICE,
    "own-service-a.db",
    labels(PREFIX, { ...project("a"), "dev.opencode-platform.service": "db" }),
  ),
];
/** As Docker finds one: by id, by the beginning of an id, by name. */
const find = (id: string) => CONTAINERS.find(({ Id, Name }) => Id.startsWith(id) || Name === `/${id}`);

const folder = temporaryFolder();
export const socketOf = (access: string) => join(folder, `${access}.sock`);
export const reached: { method: string; url: string; body: string }[] = [];
const servers: Server[] = [];

/** A Docker that does what it is asked. */
const docker = createServer(async (asked, answer) => {
  let body = "";
  for await (const part of asked) body += String(part);
  const url = asked.url ?? "";
  reached.push({ method: asked.method ?? "", url, body });
  const json = (value: unknown, status = 200) => {
    answer.writeHead(status, { "content-type": "application/json" });
    answer.end(JSON.stringify(value));
  };
  const path = url.replace(/^\/v1\.\d+/, "").replace(/\?.*/, "");
  const [, id = "", what] = /^\/containers\/([^/]+)\/(\w+)$/.exec(path) ?? [];
  if (path === "/_ping") {
    answer.writeHead(200, { "api-version": "1.41", "content-type": "text/plain", server: SECRET }).end("OK");
  } else if (path === "/version")
    json({ Version: "20.10", ApiVersion: "1.41", Components: [{ Name: SECRET }] });
  else if (path === "/containers/json")
    json(
      CONTAINERS.slice(0, 1).map(({ Id, Config }) => ({
        Id,
        Labels: Config.Labels,
        Command: SECRET,
        Mounts: [SECRET],
      })),
    );
  else if (path === "/events") {
    answer.writeHead(200, { "content-type": "application/json" });
    const Attributes = { name: "own-project-a", [SECRET]: SECRET, ...labels(PREFIX) };
    answer.end(
      `${JSON.stringify({ Type: "container", Action: "start", id: OWN, from: SECRET, Actor: { ID: OWN, Attributes } })}\n`,
    );
  } else if (/^\/exec\/e1\/json$/.test(path))
    json({ ID: "e1", ExitCode: 3, ProcessConfig: { arguments: [SECRET] } });
  else if (/^\/exec\/e1\/start$/.test(path)) {
    answer.writeHead(200, { "content-type": "application/vnd.docker.raw-stream" });
    answer.end(Buffer.from([1, 0, 0, 0, 0, 0, 0, 3, 104, 105, 10]));
  } else if (!find(id)) json({ message: `No such container: ${id}` }, 404);
  else if (what === "json") json(find(id));
  else if (what === "exec") json({ Id: "e1" }, 201);
  else answer.writeHead(204).end();
});

/** Another filter, before another Docker. */
export async function addFilter(listenOn: string, docker: string, access: Access): Promise<void> {
  servers.push(
    await startFilter({
      listenOn,
      docker,
      prefix: PREFIX,
      keeper: "own-keeper",
      storage: "own-storage",
      access,
    }),
  );
}

export async function startFilters(): Promise<void> {
  docker.listen(socketOf("docker"));
  await once(docker, "listening");
  for (const access of ["read", "panel"] as const)
    await addFilter(socketOf(access), socketOf("docker"), access);
}

export function stopFilters(): void {
  for (const server of [docker, ...servers]) {
    server.closeAllConnections();
    server.close();
  }
  removeFolder(folder);
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

export function ask(
  access: Access,
  method: string,
  path: string,
  body?: unknown,
  headers = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { socketPath: socketOf(access), method, path, headers, agent: false },
      async (answer) => {
        let text = "";
        for await (const part of answer) text += String(part);
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text });
      },
    );
    sent.on("error", reject);
    // Without a length Node sends it in chunks.
    if (body !== undefined) sent.write(typeof body === "string" ? body : JSON.stringify(body));
    sent.end();
  });
}

/** What a connection gets for bytes that no client would send. */
export function raw(access: Access, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketOf(access), () => socket.write(text));
    let got = "";
    socket.setEncoding("utf8");
    socket.on("data", (part) => {
      got += String(part);
    });
    socket.on("close", () => resolve(got)).on("error", reject);
  });
}

/** What has reached Docker beyond looking who is meant. */
export const changes = () => reached.filter(({ method }) => method !== "GET");
