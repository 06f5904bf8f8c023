import { describe, expect, it } from "vitest";
import { loadProjects } from "../../config/projects/load.ts";
import { knownHealth, secretNames } from "../../config/projects/services.ts";

const load = (text: string, overlay?: string) =>
  loadProjects(text, {
    file: "projects.yaml",
    stack: "prod",
    ...(overlay ? { overlay: { file: "projects.prod.yaml", text: overlay } } : {}),
  });

describe("services of an entry", () => {
  it("have limits and a known check, and are sorted by name", () => {
    const [project] = load(`projects:
  - name: shop
    services:
      db: { image: postgres:17, env: { B: 1, A: true }, volume: /var/lib/postgresql/data, secrets: [PASSWORD] }
      cache: { image: "ghcr.io/acme/cache:1", command: [serve, ""], volume: [/a, /b], health: none, resources: { memory: 64MiB, pids: 20 } }
`);
    expect(project?.services).toEqual([
      {
        name: "cache",
        image: "ghcr.io/acme/cache:1",
        command: ["serve", ""],
        env: {},
        secrets: [],
        volumes: ["/a", "/b"],
        health: "none",
        resources: { memory: expect.objectContaining({ mib: 64 }), cpus: 0.5, pids: 20 },
      },
      {
        name: "db",
        image: "postgres:17",
        env: { A: "true", B: "1" },
        secrets: ["PASSWORD"],
        volumes: ["/var/lib/postgresql/data"],
        health: expect.stringContaining("pg_isready"),
        resources: { memory: expect.objectContaining({ mib: 512 }), cpus: 0.5, pids: 256 },
      },
    ]);
    expect(project && secretNames({ ...project, secrets: ["TOKEN", "PASSWORD"] })).toEqual([
      "TOKEN",
      "PASSWORD",
    ]);
  });

  it("are no key of a project that has none, so that nothing of it changes", () => {
    for (const entry of ["- name: shop", "- name: shop\n    services: {}"])
      expect(load(`projects:\n  ${entry}\n`)[0]).not.toHaveProperty("services");
  });

  it("are merged by name with those of a stack's own file", () => {
    const base = `projects:
  - name: shop
    services:
      db: { image: postgres:17, env: { A: 1 } }
      cache: { image: redis:7 }
`;
    const own = `projects:
  - name: shop
    services:
      db: { resources: { memory: 1GiB } }
      cache: null
      queue: { image: rabbitmq:4 }
`;
    const services = load(base, own)[0]?.services ?? [];
    expect(services.map(({ name, image, resources }) => [name, image, resources.memory.mib])).toEqual([
      ["db", "postgres:17", 1024],
      ["queue", "rabbitmq:4", 512],
    ]);
  });
});

it.each([
  ["postgres:17", "pg_isready"],
  ["docker.io/library/postgres:17@sha256:00", "pg_isready"],
  ["registry.example.com:5000/mirror/mariadb:11", "mariadb-admin"],
  ["redis:7", "redis-cli"],
  ["nginx:1", undefined],
  ["postgres-exporter:1", undefined],
])("the image %s is checked by %s", (image, program) => {
  expect(knownHealth(image)?.split(" ")[0]).toBe(program);
});
