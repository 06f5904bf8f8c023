import { describe, expect, it } from "vitest";
import { PROJECT_UIDS, projectUid } from "../../config/naming/uids.ts";
import { loadProjects } from "../../config/projects/load.ts";
import { complaints } from "../support/complaints.ts";

const names = (count: number) => Array.from({ length: count }, (_, index) => `project-${index}`);

describe("projectUid", () => {
  it("stays what it is for a name: files on hosts belong to it", () => {
    expect([projectUid("web-shop"), projectUid("api")]).toEqual([2065579823, 2128476640]);
  });

  it("is in a range that Docker takes, above all that hosts give out", () => {
    const { first, count } = PROJECT_UIDS;
    expect([first > 2_000_200_000, first + count <= 2 ** 31]).toEqual([true, true]);
    for (const uid of names(1000).map(projectUid)) expect(uid >= first && uid < first + count).toBe(true);
  });

  it("refuses two names that have the same, with the one to change", () => {
    const seen = new Map<number, string>();
    const [other, name] = names(200_000).reduce<string[]>((found, next) => {
      const earlier = seen.get(projectUid(next));
      seen.set(projectUid(next), next);
      return earlier === undefined || found.length > 0 ? found : [earlier, next];
    }, []);
    expect(other).toBeDefined();
    const text = `projects:\n  - name: ${other}\n  - name: ${name}\n`;
    expect(complaints(() => loadProjects(text, { file: "projects.yaml", stack: "prod" }))).toEqual([
      `projects.yaml:3:11 projects[1].name: "${name}" has the same user id on the host as "${other}", by chance — choose another name`,
    ]);
  });
});
