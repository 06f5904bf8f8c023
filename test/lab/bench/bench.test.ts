import { describe, expect, it } from "vitest";
import { loadProjects } from "../../../config/projects/load.ts";
import { composeFile, idle, runArguments, serviceOf } from "../../../lab/bench/lib/compose-file.ts";
import { type Inspected, parseMemory } from "../../../lab/bench/lib/docker.ts";
import { memoryBelow, parseStatus } from "../../../lab/bench/lib/peak.ts";
import { phases } from "../../../lab/bench/lib/phases.ts";
import { projectsFile } from "../../../lab/bench/lib/platform.ts";
import { format, markdownTable, results, rows, withSections } from "../../../lab/bench/lib/report.ts";
import { each, takeTurns } from "../../../lab/bench/lib/rounds.ts";
import { median, percentile, ratio, summarise } from "../../../lab/bench/lib/stats.ts";

describe("statistics", () => {
  it("computes the median of odd and even counts", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
  });

  it("interpolates percentiles and leaves its input alone", () => {
    const values = [40, 10, 30, 20];
    expect(percentile(values, 0)).toBe(10);
    expect(percentile(values, 100)).toBe(40);
    expect(percentile(values, 50)).toBe(25);
    expect(percentile([1, 2, 3, 4, 5], 99)).toBeCloseTo(4.96);
    expect(values).toEqual([40, 10, 30, 20]);
  });

  it("rejects an empty series", () => {
    expect(() => median([])).toThrow(RangeError);
  });

  it("compares medians", () => {
    expect(ratio([30, 10, 20], [10, 5, 15])).toBe(2);
    expect(summarise([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3, count: 3 });
  });
});

describe("turns", () => {
  it("alternate A B A B after an uncounted warm-up", async () => {
    const order: string[] = [];
    const way = (name: string) => ({
      name,
      run: async () => order.push(name),
    });
    const series = await takeTurns([way("a"), way("b")], 2);
    expect(order.join("")).toBe("ababab");
    expect(series).toEqual([
      { name: "a", values: [3, 5] },
      { name: "b", values: [4, 6] },
    ]);
  });

  it("can measure several numbers at once", async () => {
    let runs = 0;
    const run = async () => ({ time: ++runs, weight: 10 * runs });
    const series = await takeTurns([{ name: "a", run }], 2);
    expect(each(series, ({ weight }) => weight)).toEqual([{ name: "a", values: [20, 30] }]);
  });
});

describe("report", () => {
  it("formats each unit", () => {
    expect([format(2410, "time"), format(84.4, "time"), format(1.234, "time")]).toEqual([
      "2.41 s",
      "84 ms",
      "1.23 ms",
    ]);
    expect(format(24.25 * 2 ** 20, "size")).toBe("24.3 MiB");
    expect(format(56_140, "weight")).toBe("56.1 kB");
    expect(format(1234.4, "rate")).toBe("1234/s");
  });

  it("compares each series with the first, and a single one with nothing", () => {
    const series = [
      { name: "compose", values: [100, 200, 300] },
      { name: "pulumi", values: [500, 400, 600] },
    ];
    expect(rows({ comparisons: [{ what: "no-op", unit: "time", series }] })).toEqual([
      ["no-op", "compose", "200 ms", "100 ms – 300 ms", "3", "1"],
      ["", "pulumi", "500 ms", "400 ms – 600 ms", "3", "2.50×"],
    ]);
    expect(
      rows({ comparisons: [{ what: "memory", unit: "size", series: series.slice(0, 1) }] })[0]?.at(-1),
    ).toBe("");
  });

  it("shows differences where a figure asks for them", () => {
    const series = [
      { name: "direct", values: [2, 1, 3] },
      { name: "through", values: [5] },
    ];
    const comparisons = [{ what: "a request", unit: "time" as const, series }];
    expect(rows({ added: true, comparisons }).map((row) => row.slice(-2))).toEqual([
      ["1", ""],
      ["2.50×", "3.00 ms"],
    ]);
  });

  it("replaces the section of a single figure, or appends it", () => {
    const figure = (title: string) => ({ title, notes: ["N"], comparisons: [] });
    const text = results([["CPU", "one"]], "npm run bench", [figure("A"), figure("B")]);
    const once = withSections(text, [{ ...figure("A"), notes: ["new"] }, figure("C")], "Made alone.");
    expect(once.match(/^## \w|^- .*/gm)).toEqual([
      "## A",
      "- new",
      "- Made alone.",
      "## B",
      "- N",
      "## C",
      "- N",
      "- Made alone.",
    ]);
    expect(withSections(once, [figure("C")], "Made alone.")).toBe(once);
  });

  it("aligns a table and escapes its cells", () => {
    expect(markdownTable(["a", "long head"], [["x|y", "1"]])).toBe(
      ["| a    | long head |", "| ---- | --------- |", "| x\\|y | 1         |"].join("\n"),
    );
  });

  it("states the command and the machine", () => {
    const text = results([["CPU", "one"]], "npm run bench", [{ title: "T", notes: ["N"], comparisons: [] }]);
    expect(text).toMatch(/`npm run bench`[\s\S]*\| CPU[\s\S]*## T[\s\S]*- N\n$/);
  });
});

describe("phases", () => {
  const log = [
    [0.5, "newPlugin(): Launching plugin 'nodejs' from 'x' with args: 1"],
    [0.7, "killing plugin /bin/pulumi-language-nodejs\n"],
    [1, "newPlugin(): Launching plugin 'nodejs' from 'x' with args: 1"],
    [1.25, "langhost[nodejs].Run(pwd=a) executing"],
    [2, "RegisterResource RPC finished: resource:s[pulumi:pulumi:Stack]; err: null"],
    [3, "newPlugin(): Launching plugin 'docker (resource)' from 'x'"],
    [3.5, "Handshake: success [/p/pulumi-resource-docker]"],
    [3.75, "newPlugin(): Launching plugin 'random (resource)' from 'x'"],
    [4, "Handshake: success [/p/pulumi-resource-random]"],
    [5, "langhost[nodejs].Run(pwd=a) success: progerr="],
  ] as const;
  const text = log
    .map(([at, msg]) => JSON.stringify({ time: `1970-01-01T00:00:0${at.toFixed(9)}Z`, msg }))
    .join("\n");

  it("adds up to the whole", () => {
    const found = phases(`not a line of the log\n${text}\n{broken`, 0, 5250);
    expect(found.map(({ ms }) => Math.round(ms))).toEqual([
      500, 200, 300, 250, 750, 1000, 500, 250, 1250, 250,
    ]);
    expect(found.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(5250);
    expect(found.slice(6, 8).map(({ name }) => name)).toEqual([
      "plugin docker starts",
      "plugin random starts",
    ]);
  });

  it("adds the time of a missing phase to the next", () => {
    const found = phases(text.split("\n").slice(3).join("\n"), 0, 5250);
    expect(found[0]).toEqual({ name: "language host, second time; plugins looked up", ms: 1250 });
    expect(found.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(5250);
  });
});

describe("compose file", () => {
  const container: Inspected = {
    Name: "/bench-project-p01",
    Config: {
      Hostname: "p01",
      Image: "image:1",
      Env: ["A=$B"],
      Cmd: null,
      Entrypoint: ["/entrypoint"],
      Labels: { rule: "^x$" },
      Healthcheck: { Test: ["CMD", "/health"], Interval: 5e9, Timeout: 5e9, StartPeriod: 12e10, Retries: 3 },
    },
    HostConfig: {
      Binds: ["/a:/b:rw"],
      NetworkMode: "bridge",
      RestartPolicy: { Name: "unless-stopped" },
      LogConfig: { Type: "json-file", Config: { "max-size": "10m" } },
      CapAdd: null,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      ReadonlyRootfs: false,
      Init: true,
      Memory: 2 ** 30,
      MemorySwap: 2 ** 30,
      CpuPeriod: 100_000,
      CpuQuota: 100_000,
      PidsLimit: 512,
    },
    NetworkSettings: { Networks: {} },
  };
  const service = serviceOf(container, (text) => text.replace("bench-", "other-"));

  it("keeps image, limits, labels and volumes", () => {
    expect(service).toMatchObject({
      image: "image:1",
      container_name: "other-project-p01",
      mem_limit: 2 ** 30,
      memswap_limit: 2 ** 30,
      cpus: 1,
      pids_limit: 512,
      volumes: ["/a:/b:rw"],
      healthcheck: { test: ["CMD", "/health"], interval: "5s", start_period: "120s", retries: 3 },
    });
  });

  it("escapes every $ for Compose", () => {
    const written = composeFile([service], "label").services["other-project-p01"];
    expect(written?.environment).toEqual(["A=$$B"]);
    expect(written?.labels).toEqual({ rule: "^x$$" });
  });

  it("replaces a stopped project by a sleeping container without health check", () => {
    expect(idle(service)).toMatchObject({ entrypoint: ["sleep"], command: ["infinity"], mem_limit: 2 ** 30 });
    expect(idle(service)).not.toHaveProperty("healthcheck");
  });

  it("renders the same arguments for docker run", () => {
    const args = runArguments(service, "net").join(" ");
    expect(args).toContain("--memory 1073741824 --memory-swap 1073741824 --cpus 1 --pids-limit 512 --init");
    expect(args).toContain("--health-cmd /health");
    expect(args).toMatch(/--entrypoint \/entrypoint image:1$/);
  });
});

describe("readings", () => {
  it("reads docker stats", () => {
    expect(parseMemory("24.5MiB / 256MiB")).toBe(24.5 * 2 ** 20);
    expect(() => parseMemory("--")).toThrow("not a size");
  });

  it("sums the memory of descendants", () => {
    const process = (pid: number, parent: number, rss: number) =>
      parseStatus(`Name:\tnode\nPid:\t${pid}\nPPid:\t${parent}\nVmRSS:\t   ${rss} kB\n`);
    const all = [process(1, 0, 9), process(2, 1, 10), process(3, 2, 20), process(4, 9, 40)];
    expect(memoryBelow(all, 1)).toEqual(new Map([["node", 30 * 1024]]));
  });

  it("writes a projects.yaml that the platform accepts", () => {
    const options = { file: "projects.yaml", stack: "local", hasSecret: () => false };
    const projects = loadProjects(projectsFile(50, ["added"]), options);
    expect(projects).toHaveLength(51);
    expect(projects.filter(({ state }) => state === "running").map(({ name }) => name)).toEqual([
      "p01",
      "p02",
      "added",
    ]);
  });

  it("has as many running projects as a figure asks for", () => {
    const options = { file: "projects.yaml", stack: "local", hasSecret: () => false };
    const projects = loadProjects(projectsFile(100, [], undefined, 8), options);
    expect(projects).toHaveLength(100);
    expect(projects.filter(({ state }) => state === "running")).toHaveLength(8);
  });
});
