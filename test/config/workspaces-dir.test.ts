import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defaultWorkspaces, localWorkspaces } from "../../config/stack/workspaces-dir.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

let folder = "";
const at = (...path: string[]) => join(folder, ...path);
const env = () => ({ XDG_DATA_HOME: at("data") });

beforeEach(() => {
  folder = temporaryFolder();
  mkdirSync(at("my platform"));
});
afterEach(() => removeFolder(folder));

describe("the directory of this machine's workspaces", () => {
  it("is outside of the checkout, and another for each", () => {
    mkdirSync(at("other/my platform"), { recursive: true });
    const [mine, others] = [at("my platform"), at("other/my platform")].map((checkout) =>
      localWorkspaces({}, checkout, env()),
    );
    expect(mine?.kind).toBe("default");
    expect(mine?.path).toMatch(/\/data\/opencode-platform\/workspaces\/my-platform-[0-9a-f]{10}$/);
    expect(others?.path).not.toBe(mine?.path);
  });

  it("is the same by any path of the checkout", () => {
    symlinkSync(at("my platform"), at("link"));
    expect(defaultWorkspaces(at("link"), env())).toBe(defaultWorkspaces(at("my platform"), env()));
  });

  it("is in the home directory's own place without a usable XDG_DATA_HOME", () => {
    const start = join(homedir(), ".local/share/opencode-platform/workspaces/");
    for (const XDG_DATA_HOME of [undefined, "", "relative"])
      expect(defaultWorkspaces(at("my platform"), { XDG_DATA_HOME }).startsWith(start)).toBe(true);
  });

  it("stays where an earlier release has put files, until they are moved", () => {
    const legacy = at("my platform/.workspaces");
    mkdirSync(legacy);
    expect(localWorkspaces({}, at("my platform"), env()).kind).toBe("default");
    mkdirSync(join(legacy, "shop"));
    expect(localWorkspaces({}, at("my platform"), env())).toEqual({ path: legacy, kind: "legacy" });
    renameSync(legacy, at("moved"));
    expect(localWorkspaces({}, at("my platform"), env()).kind).toBe("default");
  });

  it("is found again by a checkout that was moved", () => {
    const { path } = localWorkspaces({}, at("my platform"), env());
    mkdirSync(at("my platform/.state"));
    writeFileSync(at("my platform/.state/workspaces"), `${path}\n`);
    renameSync(at("my platform"), at("renamed"));
    expect(localWorkspaces({}, at("renamed"), env())).toEqual({ path, kind: "recorded" });
    writeFileSync(at("renamed/.state/workspaces"), "\n");
    expect(localWorkspaces({}, at("renamed"), env()).kind).toBe("default");
  });

  it("is what the setting says before all else", () => {
    mkdirSync(at("my platform/.workspaces/shop"), { recursive: true });
    expect(localWorkspaces({ workspacesDir: "w" }, at("my platform"), env())).toEqual({
      path: at("my platform/w"),
      kind: "setting",
    });
    expect(localWorkspaces({ workspacesDir: "/srv/w" }, at("my platform"), env()).path).toBe("/srv/w");
  });
});
