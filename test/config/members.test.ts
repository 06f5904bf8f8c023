import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accessListOf, canOpen, isAllowed, panelAccessList } from "../../config/projects/members.ts";

const stack = { accessEmails: ["boss@elsewhere.example"], accessEmailDomains: ["example.com"] };
const open = { members: [] };
const closed = { members: ["ann@partner.example", "dev@example.com"] };

describe("who may open a project", () => {
  it.each([
    ["dev@example.com", true, true],
    ["Dev@Example.com", true, true],
    ["other@example.com", true, false],
    ["boss@elsewhere.example", true, false],
    ["ann@partner.example", false, true],
    ["dev@notexample.com", false, false],
    ["dev@sub.example.com", false, false],
    ["dev@example.com@evil.example", false, false],
    ["example.com", false, false],
    ["", false, false],
  ])("%s: one that names nobody %s, one with members %s", (email, ofOpen, ofClosed) => {
    expect([canOpen(open, email, stack), canOpen(closed, email, stack)]).toEqual([ofOpen, ofClosed]);
  });

  it("is its members and nobody else, or whom the stack lets in", () => {
    expect(accessListOf(closed, stack)).toEqual({ emails: closed.members, domains: [] });
    expect(accessListOf(open, stack)).toEqual({ emails: stack.accessEmails, domains: ["example.com"] });
  });

  it("is an owner too, while the stack admits them, and not for being an owner", () => {
    const owners = ["dev@example.com", "kim@example.com", "gone@partner.example"];
    expect(accessListOf({ ...closed, owners }, stack).emails).toEqual([...closed.members, "kim@example.com"]);
    expect(canOpen({ members: [], owners }, "gone@partner.example", stack)).toBe(false);
    expect(isAllowed("gone@partner.example", panelAccessList([{ members: [], owners }], stack))).toBe(false);
  });
});

describe("who may see the panel's list", () => {
  it("is everybody of the stack's, and members and admins from elsewhere, each once", () => {
    expect(panelAccessList([open, closed, closed], stack, ["root@admin.example", "dev@example.com"])).toEqual(
      {
        emails: ["boss@elsewhere.example", "ann@partner.example", "root@admin.example"],
        domains: ["example.com"],
      },
    );
  });

  it("is the same whoever of the stack's own domain becomes a member", () => {
    expect(panelAccessList([open, { members: ["new@example.com"] }], stack)).toEqual(
      panelAccessList([open], stack),
    );
  });

  it("holds everybody who may open something", () => {
    const email = fc.constantFrom(
      "a@example.com",
      "b@partner.example",
      "boss@elsewhere.example",
      "c@x.example",
    );
    const project = fc.record({ members: fc.uniqueArray(email, { maxLength: 3 }) });
    fc.assert(
      fc.property(fc.array(project, { maxLength: 4 }), email, (projects, person) => {
        const sees = isAllowed(person, panelAccessList(projects, stack));
        return sees || !projects.some((one) => canOpen(one, person, stack));
      }),
    );
  });
});
