import { describe, expect, it } from "vitest";
import { loadProjects } from "../../config/projects/load.ts";
import { isTrusted } from "../../config/projects/trust.ts";
import { complaints } from "../support/complaints.ts";

const world = { file: "projects.yaml", stack: "local", directory: "/team" };
const HTTPS = "https://github.com/acme/shop.git";

describe("trust", () => {
  const trustOf = (entry: string, more = "") =>
    loadProjects(`${more}\nprojects: [{ name: shop, ${entry} }]`, world)[0]?.trust;

  it.each([
    ["", "", "always"],
    [`repo: ${HTTPS}`, "", "ask"],
    [`repo: ./shop`, "", "ask"],
    [`repo: ${HTTPS}, trust: always`, "", "always"],
    [`repo: ${HTTPS}`, "trustedRepos: [https://github.com/acme/]", "always"],
    [`repo: ${HTTPS}, trust: ask`, "trustedRepos: [https://github.com/acme/]", "ask"],
    [`repo: ${HTTPS}`, "trustedRepos: [https://github.com/other/]", "ask"],
  ])("of an entry with { %s } and %s is %s", (entry, more, trust) => {
    expect(trustOf(entry, more)).toBe(trust);
  });

  it.each([
    ["https://", "ends with /"],
    ["https://user:secret@github.com/acme/", "contains credentials"],
    ["github.com/acme/", "has no scheme"],
    ["*", "is not a repository URL"],
    ["", "is empty"],
  ])("can't be given to %s", (item, what) => {
    const text = `trustedRepos: ["${item}"]\nprojects: []`;
    const [problem] = complaints(() => loadProjects(text, world));
    expect(problem).toContain("projects.yaml:1:");
    expect(problem).toContain(what);
    expect(problem).not.toContain("secret");
  });

  it("has no effect without a repository", () => {
    const [problem] = complaints(() => loadProjects("projects: [{ name: shop, trust: ask }]", world));
    expect(problem).toContain("projects[0].trust: has no effect without repo");
  });
});

describe("a list of trusted repositories", () => {
  it.each([
    ["https://github.com/acme/", HTTPS],
    ["https://github.com/acme/", "https://GitHub.com/acme/shop"],
    [HTTPS, "https://github.com/acme/shop"],
    ["https://github.com/acme/shop", HTTPS],
    ["git@github.com:acme/", "git@github.com:acme/shop.git"],
    ["ssh://git@host:2222/acme/", "ssh://git@host:2222/acme/shop.git"],
    ["./repos/", "/team/repos/shop"],
    ["./", "./shop"],
  ])("with %s has %s", (item, repo) => {
    expect(isTrusted(repo, [item], "/team")).toBe(true);
  });

  it.each([
    ["https://github.com/acme/", "https://github.com/acme-evil/shop.git"],
    ["https://github.com/acme/", "http://github.com/acme/shop.git"],
    ["https://github.com/acme/", "https://github.com.evil.example/acme/shop.git"],
    ["https://github.com/acme/", "https://github.com:8443/acme/shop.git"],
    ["https://github.com/acme/", "https://github.com/acme/../evil/shop.git"],
    ["https://github.com/acme/", "https://github.com/acme/%2e%2e/evil/shop.git"],
    ["https://github.com/acme/", "https://github.com/acme/x%2f..%2f..%2fevil/shop.git"],
    ["https://github.com/acme/", "https://github.com/acme/%zz/../../evil/shop.git"],
    ["git@github.com:acme/", "git@github.com:acme/../evil/shop.git"],
    ["git@github.com:acme/", "git@github.com.evil.example:acme/shop.git"],
    [HTTPS, "https://github.com/acme/shop-evil.git"],
    ["https://github.com/acme", HTTPS],
    ["./repos/", "./other/shop"],
    ["./repos/", "./repos/../other/shop"],
  ])("with %s does not have %s", (item, repo) => {
    expect(isTrusted(repo, [item], "/team")).toBe(false);
  });
});
