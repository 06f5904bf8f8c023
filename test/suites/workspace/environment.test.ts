/** `image` and `packages` of an entry: what the project has then, what is refused before its container is touched, and what is left of an old image. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { docker, shellIn } from "../../support/docker.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { must } from "../../support/run.ts";

const platform = new Platform();
const OWN = "env-own";
const EXTRA = "env-extra";
const BASE = `${platform.fixture.prefix}-test-environment:base`;
const MUSL = `${platform.fixture.prefix}-test-environment:musl`;

const build = (tag: string, ...dockerfile: string[]) =>
  must("docker", ["build", "--quiet", "--tag", tag, "-"], { input: dockerfile.join("\n") });
const imageOf = async (project: string) =>
  (await docker.getContainer(platform.container(project)).inspect()).Config.Image;
const images = async () =>
  (await docker.listImages({ filters: { reference: [platform.names.image] } })).flatMap(
    ({ RepoTags }) => RepoTags ?? [],
  );
const inProject = async (name: string, command: string) => {
  const { code, output } = await shellIn(platform.container(name), command);
  expect(code, output).toBe(0);
  return output.trim();
};
const own = (image: string) => ({ name: OWN, image });

beforeAll(async () => {
  const image = await imageOf("beta");
  // An image without Node, with a folder of programs of its own, another user, and a Python before the system's. It has the packages that the
  // platform installs, so that the test does not wait for them.
  await build(
    BASE,
    `FROM ${image}`,
    "USER root",
    "RUN rm -rf /opt/opencode* /usr/local/lib/opencode-platform /usr/local/bin/node /usr/local/bin/np* /usr/local/bin/opencode /usr/local/lib/node_modules && userdel opencode && useradd --uid 1000 dev && mkdir -p /opt/own/bin",
    `RUN printf '#!/bin/sh\\necho own tool\\n' >/opt/own/bin/own-tool && printf '#!/bin/sh\\necho own python\\n' >/usr/local/bin/python3 && chmod +x /opt/own/bin/* /usr/local/bin/*`,
    "ENV PATH=/opt/own/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root GOPATH=/go",
    "USER dev",
    'ENTRYPOINT ["/bin/false"]',
  );
  await build(
    MUSL,
    `FROM ${image} AS made`,
    "USER root",
    "RUN mkdir -p /made/bin /made/lib && touch /made/bin/sh /made/lib/ld-musl-x86_64.so.1",
    "FROM scratch",
    "COPY --from=made /made /",
  );
  await platform.apply([...platform.baseline(), own(BASE), { name: EXTRA, packages: ["hello"] }]);
  await answering(platform, OWN);
  await answering(platform, EXTRA);
});
afterAll(async () => {
  await platform.reset();
  await must("docker", ["image", "rm", BASE, MUSL]);
});

it("an image of its own has opencode and the platform's tools on top of what it has", async () => {
  expect(await inProject(OWN, "id -un; git --version; jq --version")).toMatch(/^opencode\ngit version/);
  expect(await inProject(OWN, "own-tool; python3")).toBe("own tool\nown python");
  expect(await inProject(OWN, "readlink -f $(command -v node); npm config get prefix")).toBe(
    "/opt/opencode-platform/bin/node\n/home/opencode/.local",
  );
  expect(await inProject(OWN, "readlink /proc/$(pgrep -f relay.mjs | head -1)/exe")).toBe(
    "/opt/opencode-platform/bin/node",
  );
});

it("its folders of programs come after the home's, in a login shell too", async () => {
  const path = await inProject(
    OWN,
    "tr '\\0' '\\n' </proc/$(pgrep -xo opencode)/environ | sed -n 's/^PATH=//p'",
  );
  expect(path).toMatch(/^\/home\/opencode\/\.local\/bin:.*:\/opt\/own\/bin:\/usr\/local\/sbin:/);
  expect(await inProject(OWN, "bash -lc 'own-tool; echo $PATH'")).toMatch(
    /^own tool\n\/home\/opencode\/\.local\/bin:.*:\/opt\/own\/bin:/,
  );
});

it("packages are on top of the platform's image, and other projects have it as it is", async () => {
  expect(await inProject(EXTRA, "hello; command -v uv gcc")).toMatch(/^Hello, world!\n\S+\n\S+$/);
  expect(await imageOf("alpha")).toBe(await imageOf("beta"));
  expect(new Set([await imageOf(EXTRA), await imageOf(OWN), await imageOf("beta")]).size).toBe(3);
  expect((await shellIn(platform.container("beta"), "command -v hello")).code).not.toBe(0);
});

it.each([
  [
    "an image without glibc",
    own(MUSL),
    `${MUSL} has no glibc, which opencode needs: use an image that is based on`,
  ],
  [
    "a package that is not there",
    { ...own(BASE), packages: ["hello", "no-such-package"] },
    "has no package no-such-package: correct the name, or remove it",
  ],
])("%s is refused in a sentence, and the container runs on", async (_title, entry, sentence) => {
  const before = await platform.ids();
  platform.write([...platform.baseline(), entry, { name: EXTRA, packages: ["hello"] }]);
  const { code, output } = await platform.script("apply", OWN);
  expect([code, output]).toEqual([1, expect.stringContaining(sentence)]);
  // Without the builder's steps.
  expect(output).not.toMatch(/Step \d|non-zero code/);
  expect(await platform.ids()).toEqual(before);
  await answering(platform, OWN);
});

it("an image that no project asks for any more is removed by the update, with what it was built on left alone", async () => {
  const [old, extra, shared] = [await imageOf(OWN), await imageOf(EXTRA), await imageOf("beta")];
  const { output } = await platform.apply([
    ...platform.baseline(),
    { name: OWN },
    { name: EXTRA, packages: ["hello"] },
  ]);
  expect(output).toContain(`Removed images that nothing uses: ${old}.`);
  expect((await images()).sort()).toEqual([extra, shared].sort());
  expect((await docker.getImage(BASE).inspect()).RepoTags).toContain(BASE);
});
