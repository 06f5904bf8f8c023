import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { PACKAGES, verify } from "../../attach/src/pinned.ts";
import { OPENCODE_RELEASES } from "../../config/opencode-releases.ts";
import { OPENCODE, OPENCODE_2 } from "../../config/versions.ts";
import { apiFor, type Processor } from "../../opencode/api/index.ts";

describe("the packages that --npx installs", () => {
  it.each([OPENCODE, OPENCODE_2])("are the platform's own on Linux: %s", (version) => {
    const { terminal: _, server, major } = apiFor(version);
    const expected = Object.entries(OPENCODE_RELEASES[version] ?? {}).map(([processor, integrity]) => [
      `linux-${processor}`,
      [server.npmPackage(processor as Processor), integrity],
    ]);
    const own = Object.entries(PACKAGES[major] ?? {}).filter(([machine]) => machine.startsWith("linux-"));
    expect(expected.length).toBeGreaterThan(1);
    expect(Object.fromEntries(own)).toEqual(Object.fromEntries(expected));
  });

  it("have a checksum each that npm knows", () => {
    for (const [name, integrity] of Object.values(PACKAGES).flatMap((each) => Object.values(each))) {
      expect(name).toMatch(/^(opencode|@opencode\/cli)-(linux|darwin|windows)-(x64|arm64)/);
      const [algorithm, digest = ""] = integrity.split(/-(.*)/s);
      expect([algorithm, Buffer.from(digest, "base64").length]).toEqual(
        algorithm === "sha512" ? ["sha512", 64] : ["sha256", 32],
      );
    }
  });

  it("are refused with another checksum, of either kind", () => {
    const archive = Buffer.from("the archive");
    for (const algorithm of ["sha256", "sha512"]) {
      const integrity = `${algorithm}-${createHash(algorithm).update(archive).digest("base64")}`;
      expect(() => verify(archive, integrity)).not.toThrow();
      expect(() => verify(Buffer.from("another"), integrity)).toThrow(/^its package has sha/);
    }
  });
});
