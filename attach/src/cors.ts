/** What an application on this machine with an origin of its own needs to read answers: the server never sees that origin. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** What a server says of others' origins is for nobody here. */
export const isCors = (header: string): boolean => header.startsWith("access-control-");

/** Lets an application read the answer. Returns whether the browser only asks if it may send a request; then that is answered. */
export function answerPreflight(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  app: string,
): boolean {
  response.setHeader("access-control-allow-origin", app);
  response.setHeader("access-control-expose-headers", "*");
  if (method !== "OPTIONS" || headers["access-control-request-method"] === undefined) return false;
  response.setHeader("access-control-allow-methods", String(headers["access-control-request-method"]));
  response.setHeader(
    "access-control-allow-headers",
    String(headers["access-control-request-headers"] ?? "*"),
  );
  // As Chromium asks before a request from a page to this machine.
  response.setHeader("access-control-allow-private-network", "true");
  response.writeHead(204).end();
  return true;
}
