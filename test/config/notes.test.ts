import { expect, it } from "vitest";
import { loadProjects } from "../../config/projects/load.ts";
import { notesOn } from "../../config/projects/notes.ts";

const notes = (text: string) => notesOn(loadProjects(text, { file: "projects.yaml", stack: "local" }));

it("says of which projects permissions can't be enforced against everything", () => {
  const enforced = (value: string) => `opencode: { enforce: ${value} }`;
  expect(notes("projects: [{ name: a }]")).toEqual([]);
  expect(notes(`projects: [{ name: a, ${enforced("{ share: disabled }")} }]`)).toEqual([]);
  const [note, ...others] = notes(
    `defaults: { ${enforced("{ permission: { bash: ask } }")} }\nprojects: [{ name: a }, { name: b }]`,
  );
  expect(note).toMatch(/^a, b: opencode\.enforce\.permission holds/);
  expect(others).toEqual([]);
});
