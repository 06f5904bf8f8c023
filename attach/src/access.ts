/** Detects refusals of Cloudflare Access among the platform's responses, and turns them into errors. */
import { UserError } from "./errors.ts";
import type { Answer } from "./upstream.ts";

type ResponseHead = Pick<Answer, "status" | "headers">;

/**
 * Whether Access, or the connector's token check, refused the request. A 403 of the platform itself is plain text, and opencode's errors
 * are JSON.
 */
export function isAccessDenied({ status, headers }: ResponseHead): "login" | "forbidden" | undefined {
  const location = headers.location ?? "";
  if (status === 302 && /\.cloudflareaccess\.com\/|\/cdn-cgi\/access\//.test(location)) return "login";
  if ((status !== 401 && status !== 403) || headers["x-opencode-state"] !== undefined) return undefined;
  const type = headers["content-type"] ?? "";
  if (type !== "" && !type.startsWith("text/html")) return undefined;
  // Without a content type: the connector, which sends 403 only.
  if (status === 401) return headers["www-authenticate"]?.startsWith("Basic") ? undefined : "login";
  return "forbidden";
}

const SERVICE_TOKEN = "Check that it has not expired and belongs to this platform.";

/** The error for a refusal at a project. */
export function accessError(target: URL, refused: "login" | "forbidden", machine: boolean): UserError {
  const { host, origin } = target;
  if (machine)
    return new UserError(
      "notMember",
      host,
      `The service token in CF_ACCESS_CLIENT_ID is not allowed to open ${host}.`,
      SERVICE_TOKEN,
    );
  if (refused === "forbidden")
    return new UserError(
      "notMember",
      host,
      `You are not allowed to open ${host}.`,
      "Ask an admin to add your e-mail address to the project's members.",
    );
  return new UserError(
    "login",
    host,
    `Your login at ${host} has expired or you are not a member, and it could not be renewed.`,
    `Run: cloudflared access login ${origin}. If the page says you have no access, ask to be added to the project's members.`,
  );
}

/** The error for a refusal at the platform's index. A person without access to it may still be able to open projects. */
export function indexError({ host, origin }: URL, machine: boolean): UserError {
  const instead = "Or give the project's URL instead of its name.";
  if (machine)
    return new UserError(
      "notMember",
      host,
      `The service token in CF_ACCESS_CLIENT_ID is not allowed to list the projects at ${host}.`,
      `${SERVICE_TOKEN} ${instead}`,
    );
  return new UserError(
    "login",
    host,
    `You can't list the projects at ${host}: your login has expired and could not be renewed, or you are not a member of the platform.`,
    `Run: cloudflared access login ${origin}. If the page says you have no access, ask an admin. ${instead}`,
  );
}
