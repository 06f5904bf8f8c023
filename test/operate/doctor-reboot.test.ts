import { describe, expect, it } from "vitest";
import { rebootFinding } from "../../operate/doctor/droplet.ts";

describe("doctor on a droplet's reboot", () => {
  const set = "config set";

  it("is quiet while none is pending", () => {
    expect(rebootFinding("", { set }).verdict).toBe("ok");
    expect(rebootFinding("ssh: no answer", { set }).verdict).toBe("ok");
  });

  it("says since when one is, for what, and what does it", () => {
    const output = "1812931200\nlinux-base\nlinux-image-6.8.0-71-generic\n";
    expect(rebootFinding(output, { set })).toEqual({
      verdict: "note",
      text: "reboot: pending since 2027-06-14 for linux-base, linux-image-6.8.0-71-generic",
      fix: expect.stringMatching(/^config set, then up/),
    });
    expect(rebootFinding(output, { set, window: "03:00-05:00" })).toEqual({
      verdict: "note",
      text: expect.stringMatching(/does it itself in the window 03:00-05:00$/),
    });
    const many = Array.from({ length: 9 }, (_, index) => `p${index}`).join("\n");
    expect(rebootFinding(`1812931200\n${many}`, { set }).text).toMatch(/for p0, p1, p2, p3, p4, 4 more$/);
  });
});
