import { describe, expect, it } from "vitest";
import { capacityNotes } from "../../config/projects/capacity.ts";
import { loadProjects } from "../../config/projects/load.ts";

const GIB = 2 ** 30;
const notes = (text: string, gib: number | undefined) =>
  capacityNotes(
    loadProjects(text, { file: "projects.yaml", stack: "prod" }),
    gib === undefined ? undefined : gib * GIB,
  );
const projects = (...memory: readonly string[]) =>
  `projects:\n${memory.map((size, index) => `  - { name: p${index}, resources: { memory: ${size} } }\n`).join("")}`;

describe("the memory limits of all projects", () => {
  it("are nothing to speak of while they fit, or the host is not known", () => {
    expect(notes(projects("4GiB", "4GiB"), 8)).toEqual([]);
    expect(notes(projects("4GiB", "4GiB", "4GiB"), undefined)).toEqual([]);
  });

  it("that exceed the host's are said, with how many fit whichever they are", () => {
    expect(notes(projects("1GiB", "4GiB", "2GiB", "3GiB", "1GiB"), 8)).toEqual([
      "warning: 5 projects may use 11GiB of memory when all are awake, and the host has 8GiB: any 2 of them fit at once. The others have to sleep then (docs/sleep.md), or resources.memory to be lower.",
    ]);
  });

  it("count services, and no stopped project", () => {
    const text = `projects:
  - { name: a, services: { db: { image: "postgres:17", resources: { memory: 7GiB } } } }
  - { name: b, state: stopped, resources: { memory: 64GiB } }
`;
    expect(notes(text, 9)).toEqual([]);
    expect(notes(text, 8)).toEqual([expect.stringContaining("1 projects may use 9GiB")]);
  });

  it("of projects that never sleep are a figure of their own where they alone exceed it", () => {
    const text = `defaults: { resources: { memory: 3GiB } }
projects:
  - { name: a, sleep: never }
  - { name: b, sleep: never }
  - { name: c }
`;
    expect(notes(text, 4)).toEqual([
      "warning: 3 projects may use 9GiB of memory when all are awake, and the host has 4GiB: those that never sleep (a, b) alone may use 6GiB. Lower their resources.memory, or let some sleep.",
    ]);
    expect(notes(text, 7)).toEqual([expect.stringContaining("any 2 of them fit at once")]);
  });
});
