import { describe, expect, it } from "vitest";
import { examineProjects } from "../../config/projects/load.ts";
import { complaints } from "../support/complaints.ts";

const examine = (text: string, overlay?: string) =>
  examineProjects(text, {
    file: "projects.yaml",
    stack: "local",
    ...(overlay ? { overlay: { file: "projects.local.yaml", text: overlay } } : {}),
  });
const first = (text: string, overlay?: string) => examine(text, overlay).projects[0];

describe("repos of an entry", () => {
  const text = `trustedRepos: [https://git.example.com/acme/]
projects:
  - name: shop
    secrets: [T]
    git: { auth: token, secret: T, forge: gitlab }
    repos:
      - { url: https://git.example.com/acme/api.git, path: api, branch: dev, depth: 1 }
      - { url: https://git.example.com/other/web.git, path: apps/web }
`;

  it("are in the file's order, each with what says whether it is asked about", () => {
    const project = first(text);
    expect(project).not.toHaveProperty("repo");
    expect(project?.repos).toEqual([
      {
        kind: "https",
        url: "https://git.example.com/acme/api.git",
        host: "git.example.com",
        branch: "dev",
        depth: 1,
        path: "api",
        trust: "always",
      },
      {
        kind: "https",
        url: "https://git.example.com/other/web.git",
        host: "git.example.com",
        path: "apps/web",
        trust: "ask",
      },
    ]);
    expect(project?.git).toMatchObject({ auth: "token", forge: "gitlab" });
  });

  it.each([
    ["", "ask"],
    ["trust: always", "always"],
    ["trust: ask", "ask"],
  ])("with { %s } make a project that says %s", (trust, wanted) => {
    expect(first(`${text}    ${trust}\n`)?.trust).toBe(wanted);
  });

  it("are no question where all are trusted, and no key of an entry without them", () => {
    expect(first(text.replace("/other/", "/acme/"))?.trust).toBe("always");
    expect(first("projects: [{ name: a, repo: https://git.example.com/a.git }]")).not.toHaveProperty("repos");
  });

  it("have the host keys of a host that is known", () => {
    const project = first(
      "projects: [{ name: a, git: { auth: ssh }, repos: [{ url: git@gitlab.com:a/b.git, path: b }] }]",
    );
    expect(project?.git).toMatchObject({
      auth: "ssh",
      knownHosts: [expect.stringContaining("gitlab.com"), expect.anything(), expect.anything()],
    });
  });

  it("replace those of projects.yaml in a stack's own file, which has to take a repo away", () => {
    const base = "projects: [{ name: a, repo: https://git.example.com/a.git }]";
    const repos = "repos: [{ url: https://git.example.com/b.git, path: b }]";
    expect(first(base, `projects: [{ name: a, repo: null, ${repos} }]`)?.repos).toHaveLength(1);
    expect(complaints(() => examine(base, `projects: [{ name: a, ${repos} }]`)).join()).toContain(
      "is beside repo — keep one of the two",
    );
  });

  it("are warned of where GitHub takes their one key for one alone", () => {
    const entry = (...urls: string[]) =>
      examine(
        JSON.stringify({
          projects: [
            {
              name: "a",
              git: { auth: "ssh" },
              repos: urls.map((url, index) => ({ url, path: `p${index}` })),
            },
          ],
        }),
      ).warnings.map(({ what, fix }) => `${what} — ${fix}`);
    expect(entry("git@github.com:a/b.git")).toEqual([]);
    expect(entry("git@gitlab.com:a/b.git", "git@gitlab.com:a/c.git")).toEqual([]);
    expect(entry("git@github.com:a/b.git", "git@github.com:a/c.git")).toEqual([
      "GitHub takes a deploy key for one repository alone, and all of these get the same — use a token: git: { auth: token, secret: NAME }",
    ]);
  });
});
