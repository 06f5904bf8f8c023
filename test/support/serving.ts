import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** A server on loopback that responds in order; the last response is repeated. */
export async function serving(
  answers: readonly { status: number; body?: string; headers?: Record<string, string> }[],
): Promise<{ port: number; seen: { request: IncomingMessage; body: string }[]; close(): void }> {
  const seen: { request: IncomingMessage; body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const answer = answers[Math.min(seen.length, answers.length - 1)];
    seen.push({ request, body });
    response.writeHead(answer?.status ?? 500, answer?.headers).end(answer?.body ?? "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, seen, close };
}
