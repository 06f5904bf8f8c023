import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, it } from "vitest";
import { pullImage } from "../../toolchain/lib/image.ts";
import { Network } from "../../toolchain/lib/network.ts";
import type { Context } from "../../toolchain/part.ts";

const folder = mkdtempSync(join(tmpdir(), "image-"));
const log = join(folder, "log");
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => writeFileSync(log, ""));

/** A client of Docker that notes what it is asked, and fails at what FAIL names. */
writeFileSync(
  join(folder, "docker"),
  `#!/bin/sh\necho "$*" >> '${log}'\n[ "$1" != "$FAIL" ] || exit 1\n[ "$1" != pull ] || echo "Pulling from library/traefik"\n`,
  { mode: 0o755 },
);
const context = (fail = ""): Context => {
  const env = { PATH: `${folder}:/usr/bin:/bin`, FAIL: fail };
  return { env, network: new Network([]), progress: () => {} } as Partial<Context> as Context;
};
const asked = () => readFileSync(log, "utf8").trim().split("\n");

it("an image is pulled by its digest, and has the tag from then on", async () => {
  expect(await pullImage("traefik:v1", context(), "traefik:v1@sha256:abc")).toBe("pulled");
  expect(asked()).toEqual(["pull traefik:v1@sha256:abc", "tag traefik:v1@sha256:abc traefik:v1"]);
});

it("one without a digest is pulled by its tag", async () => {
  expect(await pullImage("mine/node:22", context())).toBe("pulled");
  expect(asked()).toEqual(["pull mine/node:22"]);
});

it.each(["pull", "tag"])("is not there if docker %s fails", async (verb) => {
  expect(await pullImage("traefik:v1", context(verb), "traefik:v1@sha256:abc")).toBeUndefined();
});
