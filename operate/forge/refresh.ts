/** Proposes to rebuild images whose packages are old, in an issue of its own: it is no drift, and nothing rebuilds them by itself. */
import { findImagePackages } from "../doctor/examine.ts";
import { imagesWithOldPackages, PACKAGES_STALE_DAYS, refreshCommand } from "../doctor/packages.ts";
import { type Marker, putIssue, resolveIssue } from "./forge.ts";
import type { Job } from "./job.ts";
import { code } from "./markdown.ts";
import { sendAlert } from "./publish.ts";

/** Opens the issue once images are old enough, and closes it when they are rebuilt. Its text says no age, so that it changes with the images alone. */
export async function proposeRefresh(job: Job, now = new Date()): Promise<void> {
  const { session, forge, print, printError } = job;
  const { stack } = session;
  const images = await findImagePackages(session);
  const old = imagesWithOldPackages(images, now);
  if (old.length === 0) {
    const line = `The images of ${stack} have packages of the last ${PACKAGES_STALE_DAYS} days.`;
    if (forge && images.length > 0) await resolveIssue(forge, marker(stack), line);
    return;
  }
  const command = refreshCommand(session);
  const line = `Packages in images of ${stack} are more than ${PACKAGES_STALE_DAYS} days old: ${command}`;
  print(`\n${line}`);
  const body = [
    `### Debian's packages in images of ${code(stack)} are more than ${PACKAGES_STALE_DAYS} days old`,
    old.map((image) => `- ${code(image)}`).join("\n"),
    `They get no security fixes until the images are rebuilt: ${code(command)}, then commit ${code(`Pulumi.${stack}.yaml`)}. Each project gets the new image while nobody works in it; run it again for those that were in use.`,
  ].join("\n\n");
  const issue = forge && (await putIssue(forge, marker(stack, old.join(" ")), title(stack), body));
  if (issue?.outcome === "opened") await sendAlert({ printError }, `${line} ${issue.url}`);
}

const title = (stack: string): string => `Refresh: packages in images of ${stack} are old`;
const marker = (stack: string, about?: string): Marker => ({
  kind: "refresh",
  stack,
  ...(about ? { about } : {}),
});
