/** Sends messages to the engine's log. Loaded at the first message. */
import { credentials } from "@grpc/grpc-js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import enginePb from "@pulumi/pulumi/proto/engine_pb.js";

/** A message to the engine. */
export interface LogLine {
  readonly urn: string;
  readonly severity: "info" | "warning";
  readonly message: string;
  /** A temporary status instead of a permanent line. */
  readonly ephemeral: boolean;
}

/** Sends messages in order. */
export class EngineLog {
  private readonly client: engineGrpc.EngineClient;
  private tail: Promise<void> = Promise.resolve();

  constructor(address: string) {
    this.client = new engineGrpc.EngineClient(address, credentials.createInsecure());
  }

  write(line: LogLine): Promise<void> {
    this.tail = this.tail.then(() => this.send(line));
    return this.tail;
  }

  /** Resolves when all messages have been delivered. */
  flush(): Promise<void> {
    return this.tail;
  }

  private send(line: LogLine): Promise<void> {
    const request = new enginePb.LogRequest();
    request.setUrn(line.urn);
    request.setSeverity(
      line.severity === "warning" ? enginePb.LogSeverity.WARNING : enginePb.LogSeverity.INFO,
    );
    request.setMessage(line.message);
    request.setEphemeral(line.ephemeral);
    // An undeliverable message must not fail its operation.
    return new Promise((resolve) => this.client.log(request, () => resolve()));
  }
}
