import type { SshAccess } from "../../components/host/ssh-files.ts";
import { fail } from "../../config/errors.ts";
import { commandFor, type Session } from "../engine/session.ts";
import type { Deployment } from "../state/checkpoint.ts";

/** Flags that choose what to remove. */
const CHOSEN = ["--exclude-protected", "--target", "-t", "--exclude"];

const PASSWORD = "the password of its backups";
/** What is lost with a protected resource. */
const LOST: Readonly<Record<string, string>> = {
  "digitalocean:index/volume:Volume": "its workspaces",
  "random:index/randomPassword:RandomPassword": PASSWORD,
};

/**
 * Refuses to destroy a stack with protected workspaces, or the password of its backups, before anything is removed: with `--skip-preview`, the engine would
 * only notice at the end.
 */
export function refuseIfProtected(
  session: Session,
  deployment: Deployment,
  flags: ReadonlySet<string>,
): void {
  const kept = deployment.resources.filter(({ isProtected, isDoomed }) => isProtected && !isDoomed);
  if (kept.length === 0 || CHOSEN.some((flag) => flags.has(flag))) return;
  const names = kept.map(
    ({ type, urn }) => `${type.split(":").at(-1)?.toLowerCase()} ${urn.split("::").at(-1)}`,
  );
  const lost = [...new Set(kept.map(({ type }) => LOST[type] ?? "a part of it"))];
  const copy = `a copy of the password (${commandFor(session, "stack output backupPassword --show-secrets")}), without which nobody reads the backups,`;
  fail(
    "conflict",
    `stack ${session.stack}`,
    `${lost.join(" and ")} ${names.length > 1 || lost.includes("its workspaces") ? "are" : "is"} protected (${names.join(", ")}), so nothing has been removed`,
    [
      `to remove everything but them: ${commandFor(session, "destroy --exclude-protected")};`,
      `to also delete ALL WORKSPACES permanently:${lost.includes(PASSWORD) ? ` ${copy} then` : ""}`,
      `${commandFor(session, "config set opencode-platform:protectWorkspaces false")},`,
      `then ${commandFor(session, "up")}, then ${commandFor(session, "destroy")}`,
    ].join(" "),
  );
}

/**
 * Refuses to destroy a stack through its own tunnel: the connector is on the droplet, so the connection would
 * end
 * halfway.
 */
export function refuseThroughTunnel(session: Session, access: readonly SshAccess[]): void {
  if (!access.some(({ tunnelHostname }) => tunnelHostname)) return;
  fail(
    "conflict",
    `stack ${session.stack}`,
    "its droplet is reached through the tunnel that would be removed, so nothing has been removed",
    [
      `${commandFor(session, "config set opencode-platform:sshThrough address")},`,
      `${commandFor(session, "config set opencode-platform:sshAllow <your address>")},`,
      `then ${commandFor(session, "up")}, then ${commandFor(session, "destroy")}`,
    ].join(" "),
  );
}
