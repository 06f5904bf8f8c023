import { describe, expect, it } from "vitest";
import { UserError } from "../../../config/errors.ts";
import type { Fault } from "../../../lab/forges/server.ts";
import { type Forge, type Marker, putComment, putIssue, resolveIssue } from "../../../operate/forge/forge.ts";
import { send } from "../../../operate/forge/http.ts";
import {
  type Bench,
  gitHubBench,
  gitLabBench,
  pauses,
  transport,
  useBenches,
} from "../../support/ci-benches.ts";

useBenches();

const PREVIEW: Marker = { kind: "preview", stack: "prod" };
const drift = (about?: string): Marker => ({ kind: "drift", stack: "prod", ...(about ? { about } : {}) });

describe.each([
  ["GitHub", gitHubBench],
  ["GitLab", gitLabBench],
] as const)("%s", (name, start) => {
  const put = (forge: Forge, body: string) => putComment(forge, forge.change ?? 0, PREVIEW, body);
  const writes = ({ server }: Bench) => server.requests.filter(({ method }) => method !== "GET").length;

  it("is found in the environment, with the number of the change", async () => {
    const { forge } = await start();
    expect(forge.name).toBe(name);
    expect(forge.change).toBe(7);
  });

  it("gets one comment, which is updated from then on", async () => {
    const bench = await start();
    await put(bench.forge, "first");
    await put(bench.forge, "second");
    expect(bench.comments()).toEqual(["<!-- opencode-platform preview prod -->\nsecond"]);
    await put(bench.forge, "second");
    expect(writes(bench)).toBe(2);
  });

  it("has a comment for each stack", async () => {
    const bench = await start();
    await put(bench.forge, "of prod");
    await putComment(bench.forge, 7, { kind: "preview", stack: "prod-two" }, "of another");
    await put(bench.forge, "of prod again");
    expect(bench.comments()).toHaveLength(2);
  });

  it("is searched page by page", async () => {
    const bench = await start();
    for (let index = 0; index < 205; index++) bench.commentBySomebody(`comment ${index}`);
    await put(bench.forge, "first");
    for (let index = 0; index < 120; index++) bench.commentBySomebody(`later ${index}`);
    await put(bench.forge, "second");
    expect(bench.comments().filter((body) => body.endsWith("second"))).toHaveLength(1);
    expect(bench.comments()).toHaveLength(326);
    expect(bench.server.requests.filter(({ path }) => /[?&]page=3(&|$)/.test(path))).toHaveLength(2);
  });

  it("leaves another user's comment with the marker alone", async () => {
    const bench = await start();
    const copied = "<!-- opencode-platform preview prod -->\ncopied";
    bench.commentBySomebody(copied);
    await put(bench.forge, "ours");
    expect(bench.comments()).toEqual([copied, "<!-- opencode-platform preview prod -->\nours"]);
  });

  it("gets one issue about a drift: opened, left alone, updated, closed, opened again", async () => {
    const bench = await start();
    bench.issueBySomebody("<!-- opencode-platform drift prod x-->\ncopied");
    const tell = async (about: string, body: string) =>
      (await putIssue(bench.forge, drift(about), "Drift", body)).outcome;
    expect(await tell("x", "one")).toBe("opened");
    expect(await tell("x", "one, on another night")).toBe("unchanged");
    expect(await tell("y", "two")).toBe("updated");
    expect(bench.issues("open")).toHaveLength(2);
    expect(bench.issues("open").at(-1)).toMatch(/two$/);
    expect((await resolveIssue(bench.forge, drift(), "gone")).outcome).toBe("closed");
    expect((await resolveIssue(bench.forge, drift(), "gone")).outcome).toBe("none");
    expect(bench.issues("closed")).toEqual([expect.stringMatching(/two$/)]);
    expect(await tell("y", "three")).toBe("opened");
    expect(bench.issues("open")).toHaveLength(2);
  });

  describe("temporary failures", () => {
    const cases: Record<string, Omit<Fault, "method" | "path">> = {
      "429 with Retry-After": { status: 429, times: 2, headers: { "retry-after": "7" } },
      "429 without": { status: 429, times: 2 },
      "500": { status: 500, times: 2 },
      "503": { status: 503, times: 2 },
      "no answer": { status: 0, times: 2 },
    };
    it.each(Object.entries(cases))("%s: retries with delays", async (_, fault) => {
      const bench = await start();
      bench.server.fail({ method: "GET", path: /./, ...fault });
      await put(bench.forge, "text");
      expect(bench.comments()).toHaveLength(1);
      expect(pauses).toHaveLength(2);
      if (fault.headers) expect(pauses).toEqual([7000, 7000]);
    });

    it("a written comment whose response was lost is not written twice", async () => {
      for (const status of [0, 502]) {
        const bench = await start();
        bench.server.fail({ method: "POST", path: /./, status, times: 1, isDone: true });
        await put(bench.forge, "text");
        expect(bench.comments()).toHaveLength(1);
      }
    });

    it("a comment that was not written is retried", async () => {
      const bench = await start();
      bench.server.fail({ method: "POST", path: /./, status: 500, times: 1 });
      await put(bench.forge, "text");
      expect(bench.comments()).toHaveLength(1);
    });
  });

  it("gives up after permanent failures", async () => {
    const bench = await start();
    bench.server.fail({ method: "GET", path: /./, status: 503, times: 100 });
    await expect(put(bench.forge, "text")).rejects.toThrow(/answered 503/);
    expect(pauses).toHaveLength(4);
  });

  it("rejects a token without permission, naming what is missing", async () => {
    const bench = await start();
    const wanted =
      name === "GitHub"
        ? /GITHUB_TOKEN: is not allowed to .*permissions: pull-requests: write/
        : /GITLAB_TOKEN: is not allowed to .*role Reporter and the scope api/;
    await expect(put(bench.weak, "text")).rejects.toThrow(UserError);
    await expect(put(bench.weak, "text")).rejects.toThrow(wanted);
    await expect(put(bench.stranger, "text")).rejects.toThrow(/_TOKEN: was rejected by Git/);
    expect(bench.comments()).toEqual([]);
  });

  it("is a stand-in that rejects unknown requests", async () => {
    const { server } = await start();
    const isGitHub = name === "GitHub";
    const headers = { ...(isGitHub ? { authorization: "Bearer good" } : { "private-token": "good" }) };
    const at = isGitHub ? "/repos/team/platform" : "/projects/5";
    const ask = async (method: string, path: string, body?: unknown) =>
      (
        await fetch(`${server.apiUrl}${path}`, {
          method,
          headers,
          ...(body ? { body: JSON.stringify(body) } : {}),
        })
      ).status;
    expect(await ask("POST", `${at}/issues`, { title: "a", colour: "red" })).toBe(isGitHub ? 422 : 400);
    expect(await ask("GET", `${at}/issues?colour=red`)).toBe(400);
    expect(await ask("GET", `${at}/labels`)).toBe(501);
    const long = "x".repeat(1_000_001);
    expect(await ask("POST", `${at}/issues`, { title: "a", [isGitHub ? "body" : "description"]: long })).toBe(
      isGitHub ? 422 : 400,
    );
  });
});

describe("GitHub's other limits", () => {
  const limited = async (
    headers: Record<string, string>,
    body = { message: "You have exceeded a secondary rate limit" },
  ) => {
    const bench = await gitHubBench();
    bench.server.fail({ method: "GET", path: /./, status: 403, times: 1, headers, body });
    return putComment(bench.forge, 7, PREVIEW, "text");
  };

  it("are waited for as long as requested", async () => {
    await limited({ "retry-after": "30" });
    expect(pauses).toEqual([30_000]);
    await limited({
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": String(Math.ceil(Date.now() / 1000) + 20),
    });
    expect(pauses[1]).toBeGreaterThan(15_000);
    expect(pauses[1]).toBeLessThanOrEqual(21_000);
  });

  it("are given up on if the requested delay is too long", async () => {
    await expect(limited({ "retry-after": "3600" })).rejects.toThrow(/answered 403: You have exceeded/);
    expect(pauses).toEqual([]);
  });
});

it("never follows a redirect with the token", async () => {
  const bench = await gitHubBench();
  bench.server.fail({
    method: "GET",
    path: /./,
    status: 302,
    times: 9,
    headers: { location: "http://127.0.0.1:1/" },
  });
  const request = { method: "GET", url: `${bench.server.apiUrl}/x`, headers: {} } as const;
  await expect(send(request, transport)).rejects.toThrow(/got no response/);
});
