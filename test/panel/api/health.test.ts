import { describe, expect, it } from "vitest";
import { UserError } from "../../../config/errors.ts";
import { makeNames } from "../../../config/naming/names.ts";
import { checkHealth, type HealthInputs } from "../../../panel/server/api/health.ts";
import { DeployKeys, onOperationEnd } from "../../../panel/server/deploy-keys.ts";
import { ADMIN, container, FakeContainers, FakeOperations } from "../../support/panel/api-world.ts";

const names = makeNames("papi");

function sources(over: Partial<HealthInputs> = {}) {
  const containers = new FakeContainers();
  for (const name of [names.traefik, names.notice, names.keeper, names.storage, names.connector])
    containers.put({ ...container(name), name, project: name });
  const base: HealthInputs = {
    containers,
    names,
    isLocal: false,
    gatewayAnswers: async () => true,
    checkFile: () => {},
    operations: new FakeOperations(() => {}),
    sleep: { problem: undefined, settled: async () => {} },
  };
  return { containers, look: () => checkHealth({ ...base, ...over }) };
}

describe("health", () => {
  it("is ok if every part is", async () => {
    const { status, parts } = await sources().look();
    expect(status).toBe("ok");
    expect(parts.map(({ name }) => name)).toEqual([
      "docker",
      "gateway",
      "tunnel",
      "notice page",
      "keeper",
      "storage",
      "projects.yaml",
      "updates",
    ]);
    expect((await sources({ isLocal: true }).look()).parts.map(({ name }) => name)).not.toContain("tunnel");
  });

  it("is down without Docker, the gateway or the tunnel", async () => {
    const noDocker = sources();
    noDocker.containers.isConnected = false;
    expect((await noDocker.look()).status).toBe("down");
    const noTunnel = sources();
    noTunnel.containers.all.delete(names.connector);
    expect((await noTunnel.look()).status).toBe("down");
    const silent = await sources({ gatewayAnswers: async () => false }).look();
    expect([silent.status, silent.parts[1]]).toEqual([
      "down",
      { name: "gateway", state: "down", reason: "running, but not responding" },
    ]);
  });

  it("is degraded without a keeper, or by one that does not answer", async () => {
    const none = sources();
    none.containers.all.delete(names.keeper);
    const silent = sources({ sleep: { problem: "the keeper is not responding", settled: async () => {} } });
    const partOf = async ({ look }: typeof none) => {
      const { status, parts } = await look();
      return [status, parts.find(({ name }) => name === "keeper")?.reason];
    };
    expect(await partOf(none)).toEqual(["degraded", "container not found: run an update"]);
    expect(await partOf(silent)).toEqual(["degraded", "the keeper is not responding"]);
  });

  it("is degraded by parts that leave projects reachable, without naming projects", async () => {
    const checkFile = () => {
      throw new UserError("config", [
        { where: "projects.yaml:1:1 projects[0].name", what: '"secret" is invalid' },
      ]);
    };
    const broken = await sources({ checkFile }).look();
    expect(broken.status).toBe("degraded");
    expect(JSON.stringify(broken)).not.toContain("secret");
    const noNotice = sources();
    noNotice.containers.all.delete(names.notice);
    expect((await noNotice.look()).status).toBe("degraded");
    const undelivered = await sources({ notices: { hasPendingNotices: true } }).look();
    expect([undelivered.status, undelivered.parts.at(-1)?.name]).toEqual(["degraded", "notices"]);
    expect((await sources({ notices: { hasPendingNotices: false } }).look()).status).toBe("ok");
  });
});

describe("deploy keys", () => {
  it("are read again after each operation", async () => {
    const operations = new FakeOperations(() => {});
    const outputs = [
      {
        name: "web-shop",
        url: "",
        attach: "",
        container: "",
        state: "running",
        deployKey: "ssh-ed25519 A\n",
      },
    ];
    const keys = new DeployKeys(async () => outputs);
    const ended = new Promise<string>((resolve) => {
      const watched = onOperationEnd(operations, ({ id }) => void keys.refresh().then(() => resolve(id)));
      void watched.submit({ person: ADMIN, what: "start web-shop", project: "web-shop" });
    });
    expect(keys.of("web-shop")).toBeUndefined();
    expect(await ended).toBe("op1");
    expect(keys.of("web-shop")).toBe("ssh-ed25519 A");
  });
});
