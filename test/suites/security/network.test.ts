import { createServer, type Server } from "node:http";
import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, execIn } from "../../support/docker.ts";
import { addIPv6, type Outside, startOutside } from "../../support/outside.ts";
import { Platform, type Updated } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { must, run } from "../../support/run.ts";
import { waitFor } from "../../support/wait.ts";

const platform = new Platform();
const { names } = platform;
const [alpha, beta] = [platform.container("alpha"), platform.container("beta")];
const REFUSED = "000";
const OPEN = "200";
const curl = (url: string) => ["curl", "-s", "-m", "4", "-o", "/dev/null", "-w", "%{http_code}", url];
/** Of a bridge of the stack that no project has. */
const STRAY = `${names.prefix}-stray`;
const PLAIN = `${names.prefix}-plain`;

/** Status of a URL in a container, or 000 without a connection. */
const from = async (container: string, to: string) =>
  (await execIn(container, curl(`http://${to}/`))).stdout.trim();

describe("what projects can connect to", () => {
  let image: string;
  let outside: Outside;
  const servers: Server[] = [];
  let [named, other] = [0, 0];
  let before: Record<string, string>;
  let updated: Updated;

  /** Status of a URL in a container on a network of Docker's that is not the platform's, or is of no project. */
  const fromNetwork = async (network: string, to: string) =>
    (
      await run("docker", [
        "run",
        "--rm",
        "--network",
        network,
        "--entrypoint",
        "curl",
        image,
        ...curl(`http://${to}/`).slice(1),
      ])
    ).stdout.trim();

  beforeAll(async () => {
    await platform.reset();
    for (const name of ["alpha", "beta"]) await answering(platform, name);
    image = (await docker.getContainer(alpha).inspect()).Config.Image;
    outside = await startOutside(image, `${names.prefix}-outside`);
    for (const _ of [1, 2]) servers.push(createServer((_, response) => response.end("reached")));
    const listen = (server: Server) =>
      new Promise<number>((resolve) => {
        server.listen(0, "::", () => resolve((server.address() as { port: number }).port));
      });
    [named = 0, other = 0] = await Promise.all(servers.map(listen));
    before = await platform.ids();
    const [first, ...others] = platform.baseline();
    if (!first) throw new Error("no entry");
    const allow = [...platform.allow(named), `${outside.lan}/32:${outside.ports[0]}`];
    updated = await platform.apply([{ ...first, network: { allow } }, ...others]);
    const label = `${names.platformLabel}=${names.prefix}`;
    const bridge = `com.docker.network.bridge.name=${names.bridgePrefix}stray`;
    await must("docker", ["network", "create", "--label", label, PLAIN]);
    await must("docker", ["network", "create", "--label", label, "-o", bridge, STRAY]);
  });

  afterAll(async () => {
    for (const server of servers) server.close();
    await outside?.close();
    await run("docker", ["network", "rm", PLAIN, STRAY]);
    await platform.reset();
  });

  it("is applied by an edit without a new container, or a change to any other entry", async () => {
    const changed = updated.changes.map(({ op, urn }) => `${op} ${urn.split("::").at(-1)}`);
    expect(changed.filter((each) => !each.includes("opencode-platform-local"))).toEqual([
      "update packet-rules",
    ]);
    expect(await platform.ids()).toEqual(before);
  });

  it("would be everything in an ordinary container, so the checks below are not blind", async () => {
    const [one, two] = outside.ports;
    const { internet, metadata, lan } = outside;
    for (const to of [`${internet}:${one}`, `${metadata}:${one}`, `${lan}:${one}`, `${lan}:${two}`])
      expect([to, await fromNetwork(PLAIN, to)]).toEqual([to, OPEN]);
    for (const port of [named, other])
      expect(await fromNetwork(PLAIN, `${platform.fixture.host}:${port}`)).toBe(OPEN);
  });

  it("is the internet, and what the entry names of the host and of private networks", async () => {
    const [one, two] = outside.ports;
    expect(await from(alpha, `${outside.internet}:${one}`)).toBe(OPEN);
    expect(await from(alpha, `${outside.internet}:${two}`)).toBe(OPEN);
    expect(await from(alpha, `${outside.lan}:${one}`)).toBe(OPEN);
    expect(await from(alpha, `${platform.fixture.host}:${named}`)).toBe(OPEN);
  });

  it("is no metadata service, no other private address, and no other service of the host at any address", async () => {
    const [one, two] = outside.ports;
    expect(await from(alpha, `${outside.metadata}:${one}`)).toBe(REFUSED);
    expect(await from(alpha, `${outside.lan}:${two}`)).toBe(REFUSED);
    const own = Object.values(networkInterfaces())
      .flat()
      .flatMap((each) => (each && each.family === "IPv4" && !each.internal ? [each.address] : []));
    expect(own.length).toBeGreaterThan(1);
    for (const address of own)
      expect([address, await from(alpha, `${address}:${other}`)]).toEqual([address, REFUSED]);
  });

  it("is nothing that only another entry names", async () => {
    expect(await from(beta, `${outside.internet}:${outside.ports[0]}`)).toBe(OPEN);
    expect(await from(beta, `${outside.lan}:${outside.ports[0]}`)).toBe(REFUSED);
    expect(await from(beta, `${platform.fixture.host}:${named}`)).toBe(REFUSED);
  });

  it("is the same by IPv6", async () => {
    const net = "fd5e:e2e";
    await addIPv6(alpha, names.projectBridge("alpha"), net);
    expect(await from(alpha, `[${net}::1]:${named}`)).toBe(OPEN);
    expect(await from(alpha, `[${net}::1]:${other}`)).toBe(REFUSED);
  });

  it("is nothing at all without a rule of its own, as before the first rules or after a reboot", async () => {
    expect(await fromNetwork(STRAY, `${outside.internet}:${outside.ports[0]}`)).toBe(REFUSED);
    expect(await fromNetwork(STRAY, `${platform.fixture.host}:${other}`)).toBe(REFUSED);
  });

  it("is the same again when something has removed the rules, and after a restart of the guard", async () => {
    const refused = () =>
      waitFor("the rules to be back", async () => {
        const status = await from(alpha, `${outside.metadata}:${outside.ports[0]}`);
        return status === REFUSED ? { done: true } : { seen: status };
      });
    const table = ["inet", names.packetTable];
    await must("docker", ["exec", names.guard, "nft", "delete", "table", ...table]);
    await refused();
    await must("docker", ["restart", names.guard]);
    await must("docker", ["exec", names.guard, "nft", "delete", "table", ...table]);
    await refused();
    expect(await from(alpha, `${platform.fixture.host}:${named}`)).toBe(OPEN);
  });

  it("resolves names of the internet, and no neighbour's name or address", async () => {
    const { NetworkSettings } = await docker.getContainer(beta).inspect();
    const address = Object.values(NetworkSettings.Networks)[0]?.IPAddress ?? "";
    expect(address).not.toBe("");
    for (const name of [beta, "beta", address])
      expect([name, (await execIn(alpha, ["getent", "hosts", name])).stdout]).toEqual([name, ""]);
    expect((await execIn(alpha, ["getent", "hosts", "alpha"])).stdout).not.toBe("");
  });
});
