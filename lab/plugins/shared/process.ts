/** The life of a plugin's process: serve on a free port, say which, and end with the engine. */
import { Server, ServerCredentials } from "@grpc/grpc-js";

const MAX_MESSAGE = 400 * 1024 * 1024;

/** A gRPC server for the engine alone. */
export function createServer(): Server {
  return new Server({
    "grpc.max_receive_message_length": MAX_MESSAGE,
    "grpc.max_send_message_length": MAX_MESSAGE,
  });
}

/**
 * Serves until the engine is gone: it holds our standard input open as long as it lives. What is under way then
 * is told so through `abort`, and gets a moment to clean up.
 */
export async function serve(
  server: Server,
  abort: AbortController,
  idle: () => Promise<void>,
): Promise<void> {
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  process.stdout.write(`${port}\n`);
  const end = (): void => {
    abort.abort();
    void idle().finally(() => process.exit(0));
  };
  process.stdin.on("end", end).on("close", end).resume();
  process.once("SIGINT", end).once("SIGTERM", end);
}
