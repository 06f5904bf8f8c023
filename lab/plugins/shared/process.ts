/** Lifecycle of a plugin's process: serves on a free port, prints it, and ends with the engine. */
import { Server, ServerCredentials } from "@grpc/grpc-js";

const MAX_MESSAGE = 400 * 1024 * 1024;

/** A gRPC server for the engine only. */
export function createServer(): Server {
  return new Server({
    "grpc.max_receive_message_length": MAX_MESSAGE,
    "grpc.max_send_message_length": MAX_MESSAGE,
  });
}

/**
 * Serves until the engine has ended: it holds the standard input open while it runs. Pending calls are then
 * aborted through `abort` and get a moment to clean up.
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
