/** What `npm start` waits for. */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { localUrls } from "../../config/naming/urls.ts";
import { awaitProjects } from "../../operate/docker/ready.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

it("npm start takes a project that sleeps or waits for its turn for ready, and asks it nothing", async () => {
  const folder = temporaryFolder();
  try {
    const since = "2026-11-30T03:12:00.000Z";
    const states = [
      { project: "shop", state: "asleep", since },
      { project: "docs", state: "waiting", since },
    ];
    const container = (name: string, Status: string, labels: object) => ({
      Name: `/${name}`,
      Config: { Labels: { "dev.opencode-platform.project": "shop", ...labels } },
      State: { Status },
    });
    const containers = [
      container("t-project-shop", "paused", {}),
      container("t-service-shop.db", "exited", { "dev.opencode-platform.service": "db" }),
    ];
    const answers = { exec: states, container: containers };
    const cases = Object.entries(answers).map(([verb, json]) => `${verb}) echo '${JSON.stringify(json)}' ;;`);
    writeFileSync(
      join(folder, "docker"),
      `#!/bin/sh\ncase "$1" in ${cases.join(" ")} ps) echo t-project-shop; echo t-service-shop.db ;; esac\n`,
    );
    chmodSync(join(folder, "docker"), 0o755);
    const env = { PATH: `${folder}:${process.env.PATH}` };
    const output = (name: string, state = "running") =>
      ({ name, state, url: "", attach: "", container: "" }) as never;
    const waited: unknown[] = [];
    const projects = [output("shop"), output("docs"), output("off", "stopped")];
    const urls = localUrls({ port: 1, localDomain: "localhost" });
    const ready = await awaitProjects(projects, urls, env, "t", (names) => waited.push(names));
    expect(ready.map(({ answers, kept, note }) => [answers, kept?.state, note])).toEqual([
      // Services don't sleep with it.
      [true, "asleep", "service db is exited: exit code 0"],
      [true, "waiting", ""],
      [true, undefined, ""],
    ]);
    expect(waited).toEqual([]);
  } finally {
    removeFolder(folder);
  }
});
