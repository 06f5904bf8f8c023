import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chooseBackend, choosePassphrase, localFolder } from "../../operate/engine/backend.ts";
import { backendUrl, passphraseFile, root, stateDir } from "../../operate/engine/checkout.ts";
import { namedStack, needsStack, parseCommandLine, verbOf } from "../../operate/engine/command-line.ts";
import { commandFor, openSession, sessionFor } from "../../operate/engine/session.ts";

const parse = (text: string) => parseCommandLine(text.split(" ").filter(Boolean));

describe("a Pulumi command line", () => {
  it.each([
    ["up --stack prod", "prod"],
    ["up --stack=prod --yes", "prod"],
    ["-s prod up", "prod"],
    ["up -sprod", "prod"],
    ["up -s=prod", "prod"],
    ["up -ys prod", "prod"],
    ["--stack a up --stack b", "b"],
    ["stack init prod", "prod"],
    ["stack --yes rm prod", "prod"],
    ["stack select team/app/prod", "team/app/prod"],
    ["stack init --stack prod", "prod"],
    ["up -m -s prod", undefined],
    ["config set key -- --stack prod", undefined],
    ["config set -- -s x", undefined],
    ["stack output projects", undefined],
    ["up", undefined],
  ])("%s is for the stack %s", (text, stack) => {
    expect(namedStack(parse(text))).toBe(stack);
  });

  it("has its command at any position", () => {
    expect(parse("-C dir --color never --stack prod up -y --target a --diff").words).toEqual(["up"]);
    expect(parse("--logtostderr -v 3 destroy -f").words).toEqual(["destroy"]);
    expect([...parse("up -yf --skip-preview -m text").flags]).toEqual(["-y", "-f", "--skip-preview", "-m"]);
  });

  it.each([
    ["up", "up"],
    ["update --yes", "up"],
    ["pre", "preview"],
    ["refresh --preview-only", "preview"],
    ["destroy", "destroy"],
    ["down", "destroy"],
    ["up --help", undefined],
    ["config", undefined],
    ["constructor", undefined],
  ])("%s does %s", (text, verb) => {
    expect(verbOf(parse(text))).toBe(verb);
  });

  it("may need an existing stack", () => {
    for (const text of [
      "up",
      "config set a b",
      "stack output",
      "stack",
      "stack rm prod",
      "state delete x",
      "cancel",
    ])
      expect([text, needsStack(parse(text))]).toEqual([text, true]);
    for (const text of ["", "stack ls", "stack init prod", "stack select prod", "whoami", "login x", "up -h"])
      expect([text, needsStack(parse(text))]).toEqual([text, false]);
  });

  it("has its stack among any other flags", () => {
    const noise = fc.constantFrom(
      "--yes",
      "-y",
      "--diff",
      "--message=-s",
      "--parallel",
      "-m",
      "--json",
      "-v",
    );
    fc.assert(
      fc.property(
        fc.array(noise),
        fc.array(noise),
        fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/),
        (before, after, name) => {
          // A flag with a value takes the next word, so give it one.
          const complete = (flags: string[]) =>
            flags.flatMap((flag) => (["--parallel", "-m", "-v"].includes(flag) ? [flag, "--stack"] : [flag]));
          const line = parseCommandLine([...complete(before), "--stack", name, "up", ...complete(after)]);
          expect(line.stack).toBe(name);
          expect(line.words).toEqual(["up"]);
        },
      ),
    );
  });
});

describe("the backend of a stack", () => {
  const team = { env: { PULUMI_BACKEND_URL: "s3://team" } };

  it("is the checkout for this machine's stack, whatever is set", () => {
    expect(chooseBackend(true, team)).toMatchObject({ url: backendUrl, isOwn: true });
  });

  it("is chosen for any other by the environment, then by Pulumi.yaml, then by a token", () => {
    expect(chooseBackend(false, { ...team, project: "gs://x" })).toMatchObject({
      url: "s3://team",
      isOwn: false,
    });
    const ofProject = chooseBackend(false, { env: {}, project: "s3://team" });
    expect(ofProject).toMatchObject({ isOwn: false, label: "s3://team" });
    expect(ofProject.url).toBeUndefined();
    expect(chooseBackend(false, { env: { PULUMI_ACCESS_TOKEN: "t" } })).toEqual({
      isOwn: false,
      label: "Pulumi Cloud",
    });
    expect(chooseBackend(false, { env: {} })).toMatchObject({ isOwn: true, folder: stateDir });
  });

  it("ignores the value that `npm run env` put into the shell", () => {
    const env = { PULUMI_BACKEND_URL: backendUrl };
    expect(chooseBackend(false, { env, project: "s3://team" }).isOwn).toBe(false);
    expect(chooseBackend(false, { env })).toMatchObject({ isOwn: true });
  });

  it("may be a folder", () => {
    expect(localFolder("file:///srv/state?no_tmp_dir=true")).toBe("/srv/state");
    expect(localFolder("file://~/state")).toMatch(/^\/.*\/state$/);
    expect(localFolder("file://./state")).toBe(`${root}/state`);
    expect(localFolder("s3://bucket")).toBeUndefined();
  });
});

describe("the passphrase of a stack", () => {
  const own = { PULUMI_CONFIG_PASSPHRASE: undefined, PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile };

  it("is the checkout's for this machine's stack", () => {
    expect(choosePassphrase(true, { isOwn: true }, { PULUMI_CONFIG_PASSPHRASE: "x" })).toEqual(own);
  });

  it("is the user's for any other, even if empty", () => {
    const chosen = choosePassphrase(false, { isOwn: true }, { PULUMI_CONFIG_PASSPHRASE: "" });
    expect(chosen).toEqual({ PULUMI_CONFIG_PASSPHRASE: "", PULUMI_CONFIG_PASSPHRASE_FILE: undefined });
    expect(choosePassphrase(false, { isOwn: true }, { PULUMI_CONFIG_PASSPHRASE_FILE: "/x" })).toEqual({
      PULUMI_CONFIG_PASSPHRASE_FILE: "/x",
    });
  });

  it("is the checkout's for others only if none is set and the state is in the checkout", () => {
    expect(choosePassphrase(false, { isOwn: true }, {})).toEqual(own);
    const elsewhere = { PULUMI_CONFIG_PASSPHRASE_FILE: undefined };
    expect(choosePassphrase(false, { isOwn: false }, {})).toEqual(elsewhere);
    const fromEnvScript = { PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile };
    expect(choosePassphrase(false, { isOwn: false }, fromEnvScript)).toEqual(elsewhere);
  });
});

describe("a session", () => {
  it("is for the command's stack, then PULUMI_STACK, then this machine's", () => {
    expect(sessionFor(parse("up -s prod"), { PULUMI_STACK: "staging" }).stack).toBe("prod");
    expect(sessionFor(parse("up"), { PULUMI_STACK: "staging" }).stack).toBe("staging");
    expect(sessionFor(parse("up"), {})).toMatchObject({ stack: "local", isLocal: true });
  });

  it("is not this machine's for a command without a stack", () => {
    expect(sessionFor(parse("stack ls"), { PULUMI_BACKEND_URL: "s3://team" }).backend.label).toBe(
      "s3://team",
    );
  });

  it("adds the stack to commands where needed", () => {
    expect(commandFor(openSession("team/app/prod", {}), "up")).toBe(
      "npm run pulumi -- up --stack team/app/prod",
    );
    expect(openSession("team/app/prod", {}).stack).toBe("prod");
    expect(commandFor(openSession(undefined, {}), "up")).toBe("npm run pulumi -- up");
  });
});
