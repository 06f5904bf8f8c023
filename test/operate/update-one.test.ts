import { expect, it } from "vitest";
import type { Environment } from "../../config/projects/environment.ts";
import { environmentKey } from "../../config/projects/environment.ts";
import { OPENCODE, OPENCODE_2 } from "../../config/versions.ts";
import { onlyProject } from "../../operate/engine/update-one.ts";

const project = (name: string, version = OPENCODE, environment?: Environment) => ({
  name,
  ...(environment ? { environment } : {}),
  opencode: { version, config: {}, enforce: {} },
});
const imagesFor = (
  name: string,
  packagesOf: Record<string, string>,
  ...others: ReturnType<typeof project>[]
) => {
  const settings = { packages: "2027-06-01", packagesOf, baseImage: "base" };
  const { targets = [] } = onlyProject({ stack: "local" }, name, [project("a"), ...others], settings);
  return targets.flatMap((target) => (target.includes("Image*") ? [target.split("::").at(-1)] : []));
};

it("a project's image of other packages is updated with it, unless another project has it too", () => {
  expect(imagesFor("a", {})).not.toContain("image");
  expect(imagesFor("a", { a: "2027-06-20" })).toContain("image-packages-2027-06-20");
  expect(imagesFor("a", { a: "2027-06-20", b: "2027-06-20" }, project("b"))).not.toContain(
    "image-packages-2027-06-20",
  );
  expect(imagesFor("a", { a: "2027-06-01" })).toEqual(imagesFor("a", {}));
});

it("an image of another release goes by its packages too", () => {
  const two = `image-${OPENCODE_2}`;
  expect(imagesFor("a", {})).toContain(two);
  expect(imagesFor("a", {}, project("b", OPENCODE_2))).not.toContain(two);
  expect(imagesFor("a", { b: "2027-06-20" }, project("b", OPENCODE_2))).toContain(two);
});

it("the image of an environment is updated with its project, unless another project has it too", () => {
  const environment = { packages: ["golang"] };
  const image = `image-environment-${environmentKey(environment, "base")}`;
  const settings = { packages: "", packagesOf: {}, baseImage: "base" };
  const targets = (...others: ReturnType<typeof project>[]) =>
    onlyProject({ stack: "local" }, "a", [project("a", OPENCODE, environment), ...others], settings).targets;
  expect(targets(project("b"))).toContain(
    `urn:pulumi:local::opencode-platform::opencode:platform:Image$**::${image}`,
  );
  expect(targets(project("b", OPENCODE, environment))?.join()).not.toContain(image);
});
