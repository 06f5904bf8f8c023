import { expect, it } from "vitest";
import type { RunDocker } from "../../operate/docker/containers.ts";
import { imagesOfState, removeOldDevcontainers, removeOldImages } from "../../operate/docker/old-images.ts";

const REPOSITORY = "team-platform/opencode";
const BEGAN = new Date("2027-06-20T12:00:00Z");

/** A Docker with these images by the time of their tags, and these of containers. */
function engine(
  images: Readonly<Record<string, string>>,
  used: readonly string[],
  stages: Record<string, string> = {},
  created: Record<string, string> = {},
) {
  const left = new Map(Object.entries(images));
  const removed: string[] = [];
  const answer = (args: readonly string[]): string | undefined => {
    const all = args.join(" ");
    const last = args.at(-1) ?? "";
    if (all.startsWith("image ls --quiet")) return Object.keys(stages).join("\n");
    if (all.startsWith("image ls --format {{.Tag}}"))
      return [...left.keys()].map((name) => name.split(":")[1]).join("\n");
    // Docker finds others by this filter, too: with a registry before the name.
    if (all.startsWith("image ls")) return [...left.keys(), "<none>:<none>"].join("\n");
    if (all.startsWith("ps --all")) return used.join("\n");
    if (all.includes("Labels")) return stages[last];
    if (all.includes(".Created")) return JSON.stringify(created[last] ?? left.get(last));
    if (all.startsWith("image inspect")) return JSON.stringify(left.get(last));
    if (!all.startsWith("image rm ") || args.length !== 3) return undefined;
    removed.push(last);
    return left.delete(last) || last in stages ? "" : undefined;
  };
  const run: RunDocker = async (args) => {
    const stdout = answer(args);
    return { code: stdout === undefined ? 1 : 0, stdout: stdout ?? "", stderr: "" };
  };
  return { run, removed };
}

const [LAST_WEEK, MEANWHILE] = ["2027-06-13T12:00:00.5Z", "2027-06-20T12:00:01Z"];
const images = {
  [`${REPOSITORY}:1-current`]: LAST_WEEK,
  [`${REPOSITORY}:1-stopped`]: LAST_WEEK,
  [`${REPOSITORY}:1-old`]: LAST_WEEK,
  [`${REPOSITORY}:1-of-another-update`]: MEANWHILE,
  "registry.test/team-platform/opencode:1-old": LAST_WEEK,
};

it("removes the stack's images that nothing uses, and no other", async () => {
  const { run, removed } = engine(images, [`${REPOSITORY}:1-stopped`, "traefik:v3"]);
  const parts = {
    run,
    repository: REPOSITORY,
    began: BEGAN,
    current: async () => [`${REPOSITORY}:1-current`],
  };
  expect(await removeOldImages(parts)).toEqual([`${REPOSITORY}:1-old`]);
  expect(removed).toEqual([`${REPOSITORY}:1-old`]);
  expect(await removeOldImages(parts)).toEqual([]);
});

it("removes those of devcontainer.json that no entry names any more, and no other stack's", async () => {
  const [old, kept] = ["team-platform/devcontainer/web:1", "team-platform/devcontainer/shop:1"];
  const { run, removed } = engine(
    { [old]: LAST_WEEK, [kept]: LAST_WEEK, "other-team-platform/devcontainer/web:1": LAST_WEEK },
    [],
  );
  const repository = "team-platform/devcontainer/*";
  await removeOldImages({ run, repository, began: BEGAN, current: async () => [kept] });
  expect(removed).toEqual([old]);
});

it("leaves those that a pull request may be about to name, and the newest of each project", async () => {
  const at = (project: string, day: string) => [
    `team-platform/devcontainer/${project}:${day}`,
    `${day}T12:00:00Z`,
  ];
  const days = ["2027-05-01", "2027-05-02", "2027-05-03", "2027-06-07"];
  const images = Object.fromEntries([
    ...days.map((day) => at("web", day)),
    ...days.slice(0, 3).map((day) => at("shop", day)),
  ]);
  const { run, removed } = engine(
    images,
    [],
    {},
    { "team-platform/devcontainer/web:2027-05-02": "2027-06-19T12:00:00Z" },
  );
  const parts = { run, repository: "team-platform/devcontainer/*", began: BEGAN, current: async () => [] };
  await removeOldDevcontainers(parts);
  expect(removed).toEqual([
    "team-platform/devcontainer/web:2027-05-01",
    "team-platform/devcontainer/web:2027-05-03",
    "team-platform/devcontainer/shop:2027-05-01",
  ]);
});

it("leaves an image that Docker does not give up, and reads no state where every image has a container", async () => {
  const { run } = engine(images, []);
  const refusing: RunDocker = async (args, ...how) =>
    args[1] === "rm" ? { code: 1, stdout: "", stderr: "conflict" } : run(args, ...how);
  const parts = { repository: REPOSITORY, began: BEGAN };
  expect(await removeOldImages({ ...parts, run: refusing, current: async () => [] })).toEqual([]);
  const current = () => Promise.reject(new Error("the state was read"));
  expect(await removeOldImages({ ...parts, run: engine(images, Object.keys(images)).run, current })).toEqual(
    [],
  );
});

it("removes what is left of building releases that no image is of any more", async () => {
  const stages = { a: "1", b: "2.0.0", c: "tools" };
  const { run, removed } = engine(images, [], stages);
  const kept = [`${REPOSITORY}:1-current`, `${REPOSITORY}:1-stopped`];
  await removeOldImages({ run, repository: REPOSITORY, began: BEGAN, current: async () => kept });
  expect(removed).toEqual([`${REPOSITORY}:1-old`, "b"]);
});

it("the current ones are those of the state", () => {
  const resource = (type: string, id: string) => ({ type, id, urn: id, inputs: {}, outputs: {} });
  expect(
    imagesOfState({
      resources: [
        resource("docker:index/image:Image", "i:1"),
        resource("docker:index/container:Container", "c"),
      ],
      pending: [],
    } as unknown as Parameters<typeof imagesOfState>[0]),
  ).toEqual(["i:1"]);
});
