/** Cloudflare Access's refusals: how they are told from the platform's own answers, and what they mean for a person. */
import { UserError } from "./errors.ts";
import type { Answer } from "./upstream.ts";

type ResponseHead = Pick<Answer, "status" | "headers">;

/**
 * Whether Access, or the connector's own check of the token, answers instead of the project. A 403 of the platform's own is plain text, and
 * opencode's errors are JSON.
 */
export function isAccessDenied({ status, headers }: ResponseHead): "login" | "forbidden" | undefined {
  const location = headers.location ?? "";
  if (status === 302 && /\.cloudflareaccess\.com\/|\/cdn-cgi\/access\//.test(location)) return "login";
  if ((status !== 401 && status !== 403) || headers["x-opencode-state"] !== undefined) return undefined;
  const type = headers["content-type"] ?? "";
  if (type !== "" && !type.startsWith("text/html")) return undefined;
  // Without a type: the connector, whose 401 there is none of.
  if (status === 401) return headers["www-authenticate"]?.startsWith("Basic") ? undefined : "login";
  return "forbidden";
}

const SERVICE_TOKEN = "Look whether it has expired, and whether it is this platform's.";

/** What a refusal means at a project, for a person or for a machine. */
export function accessError(target: URL, refused: "login" | "forbidden", machine: boolean): UserError {
  const { host, origin } = target;
  if (machine)
    return new UserError(
      "notMember",
      host,
      `The service token of CF_ACCESS_CLIENT_ID may not open ${host}.`,
      SERVICE_TOKEN,
    );
  if (refused === "forbidden")
    return new UserError(
      "notMember",
      host,
      `You may not open ${host}.`,
      "Ask whoever keeps projects.yaml to add your e-mail to the project's members.",
    );
  return new UserError(
    "login",
    host,
    `Your login at ${host} has expired, or is not one of a member, and could not be renewed.`,
    `Run: cloudflared access login ${origin}. If that shows a page saying you have no access, ask to be added to the project's members.`,
  );
}

/** The same at the platform's index, which somebody may be kept from who may open projects all the same. */
export function indexError({ host, origin }: URL, machine: boolean): UserError {
  const instead = "Or give the project's own URL instead of its name.";
  if (machine)
    return new UserError(
      "notMember",
      host,
      `The list of projects at ${host} is not shown to the service token of CF_ACCESS_CLIENT_ID.`,
      `${SERVICE_TOKEN} ${instead}`,
    );
  return new UserError(
    "login",
    host,
    `The list of projects at ${host} is not shown to you: your login has expired and could not be renewed, or you are no member of the platform.`,
    `Run: cloudflared access login ${origin}. If that shows a page saying you have no access, ask whoever runs the platform. ${instead}`,
  );
}
