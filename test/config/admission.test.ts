/** Who may open a project is decided in config/projects/members.ts; the notice page, which runs in a container, has to decide the same. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AccessList, accessListOf, hasOwnMembers, isAllowed } from "../../config/projects/members.ts";

const NOTICE = join(import.meta.dirname, "../../opencode/rootfs/usr/local/lib/opencode-platform/notice.mjs");

interface Visitor {
  readonly email?: string;
  readonly isMachine: boolean;
}

/** The notice page's own function, out of its source: it exports nothing and serves as soon as it is imported. */
function isShown(project: { admitted: AccessList }, visitor: Visitor): boolean {
  const source = /^function isShown\([\s\S]*?^}$/m.exec(readFileSync(NOTICE, "utf8"))?.[0];
  expect(source).toBeDefined();
  return runInNewContext(`(${source})`)(project, visitor);
}

// Few names, so that people are often among those who are listed.
const domain = fc.constantFrom("example.com", "example.org", "sub.example.com", "com");
const email = fc
  .tuple(fc.constantFrom("ada", "bob", "a@b", "example.com", ""), domain)
  .map(([name, at]) => `${name}@${at}`);
const people = fc.uniqueArray(email, { maxLength: 4 });
const stack = fc.record({
  accessEmails: people,
  accessEmailDomains: fc.uniqueArray(domain, { maxLength: 2 }),
});
const visitor = fc.oneof(
  email,
  domain,
  fc.constant(""),
  fc.string().map((text) => text.toLowerCase()),
);

describe("the notice page", () => {
  it("shows a project to exactly the people who are admitted to it", () => {
    fc.assert(
      fc.property(people, stack, visitor, (members, defaults, who) => {
        const admitted = accessListOf({ members }, defaults);
        expect(isShown({ admitted }, { email: who, isMachine: false })).toBe(isAllowed(who, admitted));
      }),
    );
  });

  it("shows every project to machines, which pass Access everywhere, and none to others without an address", () => {
    fc.assert(
      fc.property(people, stack, (members, defaults) => {
        const admitted = accessListOf({ members }, defaults);
        expect(isShown({ admitted }, { isMachine: true })).toBe(true);
        expect(isShown({ admitted }, { isMachine: false })).toBe(false);
      }),
    );
  });
});

it("a project with members of its own admits no one else, whatever the stack admits", () => {
  fc.assert(
    fc.property(people, stack, visitor, (members, defaults, who) => {
      const admitted = accessListOf({ members }, defaults);
      if (hasOwnMembers({ members })) expect(isAllowed(who, admitted)).toBe(members.includes(who));
      else expect(admitted).toEqual({ emails: defaults.accessEmails, domains: defaults.accessEmailDomains });
    }),
  );
});
