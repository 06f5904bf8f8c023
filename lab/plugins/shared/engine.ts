/** The engine's log, to which a plugin's messages go. Loaded only when there is something to say. */
import { credentials } from "@grpc/grpc-js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import enginePb from "@pulumi/pulumi/proto/engine_pb.js";

/** One message to the engine. */
export interface LogLine {
  readonly urn: string;
  readonly severity: "info" | "warning";
  readonly message: string;
  /** A passing status rather than a line that stays. */
  readonly ephemeral: boolean;
}

/** Sends messages one after the other, in order. */
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

  /** Resolves when everything written so far has been delivered. */
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
    // A message that can't be delivered must not fail the operation it tells of.
    return new Promise((resolve) => this.client.log(request, () => resolve()));
  }
}
