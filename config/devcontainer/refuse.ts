/** What a project of the platform can't have of a devcontainer.json, since it would reach the host, its Docker, or another container. */
import { listOf, mapOf } from "../projects/rough.ts";
import { show } from "../text/show.ts";
import type { DevcontainerText } from "./text.ts";

/** Features that give the container a Docker daemon: the host's own, or one that needs the host's rights. */
const DOCKER_FEATURE = /(?:^|\/)docker-(?:in-docker|outside-of-docker|from-docker)(?=$|[:@])/;
/** The only one of Docker's options for the container that every project has anyway. */
const HARMLESS_ARGUMENTS = ["--init"];

/** Mounts of what is made for the container, and no folder that is there. */
const MADE = ["volume", "tmpfs"];

/** A mount, as Docker's `--mount` has it or as a map. */
export function readMount(written: unknown): Record<"type" | "source" | "target", string> {
  const pairs = (text: string) => text.split(",").map((pair) => pair.trim().split("="));
  const parts = typeof written === "string" ? Object.fromEntries(pairs(written)) : mapOf(written);
  const text = (...keys: string[]) => String(keys.map((key) => parts[key]).find(Boolean) ?? "");
  return { type: text("type"), source: text("source", "src"), target: text("target", "dst", "destination") };
}

const isFilled = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== false && value !== "";
};

/** Keys that are refused whatever they say, each with the reason and what to do. */
const REFUSED: Readonly<Record<string, readonly [what: string, fix: string]>> = {
  privileged: ["gives the container the host's rights, which no project has", "remove it"],
  capAdd: ["gives the container rights that no project has", "remove it"],
  securityOpt: ["lifts limits that hold for every project", "remove it"],
  dockerComposeFile: [
    "starts several containers, and a project is one",
    "name an image, or build: { dockerfile }; run services as programs of the project",
  ],
  initializeCommand: [
    "runs on the machine that starts the container, which here is the host of all projects",
    "move what it does into onCreateCommand",
  ],
};

/** Adds a problem for each thing that would break a project's isolation. */
export function refuseUnsafe(text: DevcontainerText): void {
  const { value } = text;
  for (const [key, [what, fix]] of Object.entries(REFUSED))
    if (isFilled(value[key])) text.refuse([key], what, fix);
  for (const [index, mount] of listOf(value.mounts).entries()) {
    const { type, source, target } = readMount(mount);
    if (MADE.includes(type)) continue;
    const what = `${show(source || target)} is a folder of the host, which no project gets`;
    text.refuse(["mounts", index], what, "remove it");
  }
  for (const [index, argument] of listOf(value.runArgs).entries()) {
    if (HARMLESS_ARGUMENTS.includes(String(argument))) continue;
    const what = `${show(argument)} is an option for the host's Docker, which the platform sets itself`;
    text.refuse(["runArgs", index], what, "remove it");
  }
  for (const feature of Object.keys(mapOf(value.features))) {
    if (!DOCKER_FEATURE.test(feature)) continue;
    const what = "gives the container a Docker of its own or the host's, and with it the host";
    text.refuse(["features", feature], what, "remove it");
  }
  if (isFilled(mapOf(value.build).options))
    text.refuse(["build", "options"], "are options for the host's Docker", "remove them");
}
