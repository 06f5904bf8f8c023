import { describe, expect, it } from "vitest";
import { makeNames } from "../../config/naming/names.ts";
import {
  packagesFindings,
  packagesInstalledAt,
  readImagePackages,
  refreshCommand,
} from "../../operate/doctor/packages.ts";

const now = new Date("2027-06-20T12:00:00Z");
const layer = (CreatedBy: string, CreatedAt: string) => JSON.stringify({ CreatedBy, CreatedAt, Size: "1MB" });
const history = (installed: string) =>
  [
    layer('/bin/sh -c #(nop)  ENTRYPOINT ["/x"]', "2027-06-19T12:00:00Z"),
    layer("|2 A=1 /bin/sh -c node /tmp/install.mjs", "2027-06-19T12:00:00Z"),
    layer("/bin/sh -c apt-get update  && apt-get install -y git", installed),
    layer("/bin/sh -c apt-get update && apt-get install -y curl", "2026-01-01T00:00:00Z"),
  ].join("\n");

describe("doctor on an image's packages", () => {
  it("counts from when they were installed, not from the image's last layer", () => {
    expect(packagesInstalledAt(history("2027-06-01T12:00:00+02:00"))).toEqual(
      new Date("2027-06-01T10:00:00Z"),
    );
    expect(packagesInstalledAt("no such image\n")).toBeUndefined();
  });

  it("counts from the platform's own packages, not from an entry's or the base's", () => {
    const own = [
      layer("|3 A=1 /bin/sh -c sh /opt/opencode-platform/build/packages extra", "2027-06-10T12:00:00Z"),
      layer("|2 A=1 /bin/sh -c sh /opt/opencode-platform/build/packages system", "2027-06-01T10:00:00Z"),
      layer("/bin/sh -c apt-get update && apt-get install -y curl", "2026-01-01T00:00:00Z"),
    ].join("\n");
    expect(packagesInstalledAt(own)).toEqual(new Date("2027-06-01T10:00:00Z"));
  });

  it("proposes a rebuild after 14 days", () => {
    const finding = (installedAt?: Date) =>
      packagesFindings(
        [{ image: "i:1", ...(installedAt ? { installedAt } : {}) }],
        "npm run refresh",
        now,
      )[0];
    expect(finding(new Date("2027-06-06T12:00:00Z"))).toEqual({
      verdict: "ok",
      text: "image i:1: packages of 2027-06-06, 14 days old",
    });
    expect(finding(new Date("2027-06-05T12:00:00Z"))).toEqual({
      verdict: "note",
      text: "image i:1: packages of 2027-06-05, 15 days old",
      fix: "npm run refresh",
    });
    expect(finding()?.verdict).toBe("note");
    expect(refreshCommand({ stack: "prod", isLocal: false })).toBe("npm run refresh -- --stack prod");
  });

  it("looks at the images of the platform's containers, each once", async () => {
    const names = makeNames("t");
    const asked: string[] = [];
    const run = async (args: readonly string[]) => {
      asked.push(args.join(" "));
      const used = `${names.image}:b\ntraefik:v3\n${names.image}:a\n${names.image}:b\n`;
      return { code: 0, stdout: args[0] === "ps" ? used : history("2027-06-01T00:00:00Z"), stderr: "" };
    };
    const installedAt = new Date("2027-06-01T00:00:00Z");
    expect(await readImagePackages(run, names)).toEqual([
      { image: `${names.image}:a`, installedAt },
      { image: `${names.image}:b`, installedAt },
    ]);
    expect(asked[0]).toBe("ps --all --filter label=dev.opencode-platform.prefix=t --format {{.Image}}");
  });
});
