import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { userDataWarning } from "../../components/host/user-data.ts";

const setting = { key: "opencode-platform:dropletGeneration", generation: "1" };
const warning = (made: string | undefined, wanted = "new") => userDataWarning(made, wanted, setting);

it("a droplet with other user data than a new one would get is said to have been left alone, and how to replace it", () => {
  expect(warning("a hash of what it was")).toMatch(
    /^the droplet's user data differs .* left unchanged.*config set opencode-platform:dropletGeneration <anything but 1>.*All projects will be down/,
  );
});

it("one with the same is not spoken of, whether the provider gives back the text, its hash or nothing yet", () => {
  expect(warning("new")).toBeUndefined();
  expect(warning(createHash("sha1").update("new").digest("hex"))).toBeUndefined();
  expect(warning(undefined)).toBeUndefined();
});
