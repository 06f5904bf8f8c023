/**
 * Connects to a Docker daemon like the docker CLI: OpenSSH runs `docker system dial-stdio`, one process per
 * connection.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { AgentOptions, ClientRequest, IncomingMessage } from "node:http";
import { Duplex } from "node:stream";

// Not imported: Node would load its whole HTTP client for fetch with it.
const { Agent } = process.getBuiltinModule("node:http");

/** A parsed ssh:// address. */
export interface SshTarget {
  readonly host: string;
  readonly user: string | undefined;
  readonly port: string | undefined;
  /** The daemon's socket there, if it isn't the default. */
  readonly socketPath: string | undefined;
}

/** Parses ssh://[user@]host[:port][/path/of/the/socket]. */
export function sshTarget(address: string): SshTarget {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const refuse = (reason: string): Error => new Error(`docker host: ${reason}`);
  if (url?.protocol !== "ssh:" || url.hostname === "")
    throw refuse("ssh:// needs a host, as ssh://user@host");
  // The address isn't repeated, as it contains a password.
  if (url.password !== "") throw refuse("ssh:// takes no password in the address; use a key");
  if (url.search !== "" || url.hash !== "") throw refuse("ssh:// takes nothing after ? or #");
  const given = (part: string): string | undefined => (part === "" ? undefined : decodeURIComponent(part));
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    user: given(url.username),
    port: given(url.port),
    socketPath: url.pathname === "/" ? undefined : given(url.pathname),
  };
}

/** The arguments for ssh. */
export function sshArguments(target: SshTarget, options: readonly string[]): string[] {
  const limited = options.some((option) => option.includes("ConnectTimeout"));
  const daemon = target.socketPath === undefined ? [] : ["--host", `unix://${target.socketPath}`];
  return [
    ...options,
    ...(limited ? [] : ["-o", "ConnectTimeout=30"]),
    "-T",
    ...(target.user === undefined ? [] : ["-l", target.user]),
    ...(target.port === undefined ? [] : ["-p", target.port]),
    "--",
    target.host,
    "docker",
    ...daemon,
    "system",
    "dial-stdio",
  ];
}

const STDERR_KEPT = 4096;

/** One connection: writes go to the daemon, reads come from it. */
class SshConnection extends Duplex {
  private readonly child: ChildProcess;
  private readonly name: string;
  private said = "";

  constructor(target: SshTarget, options: readonly string[]) {
    super({ allowHalfOpen: true });
    this.name = target.host;
    // A session of its own: ssh has no terminal to prompt on, and Ctrl-C reaches the engine first.
    this.child = spawn("ssh", sshArguments(target, options), { stdio: "pipe", detached: true });
    this.child.stdout?.on("data", (chunk: Buffer) => this.push(chunk) || this.child.stdout?.pause());
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.said = (this.said + text).slice(-STDERR_KEPT);
    });
    // The exit reports the error; a broken pipe would say less.
    this.child.stdin?.on("error", () => {});
    this.child.on("error", (error) => this.destroy(new Error(`can't run ssh: ${error.message}`)));
    this.child.on("close", (code, signal) => this.ended(code, signal));
  }

  override _read(): void {
    this.child.stdout?.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.child.stdin?.write(chunk) !== false) done();
    else this.child.stdin.once("drain", done);
  }

  override _final(done: () => void): void {
    this.child.stdin?.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.child.exitCode === null) this.child.kill("SIGTERM");
    done(error);
  }

  private ended(code: number | null, signal: NodeJS.Signals | null): void {
    this.push(null);
    if (code === 0 || this.destroyed) {
      this.destroy();
      return;
    }
    const how = signal === null ? `status ${code}` : signal;
    const words = this.said.trim() || "no output from ssh; check that the host has Docker 18.09 or later";
    this.destroy(new Error(`the ssh connection to ${this.name} ended (${how}): ${words}`));
  }

  /** Methods that an HTTP agent expects of a socket; they have no meaning for a child process. */
  setKeepAlive(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  ref(): this {
    this.child.ref();
    return this;
  }
  unref(): this {
    this.child.unref();
    return this;
  }
}

/** sshd drops more than ten clients that haven't logged in yet (MaxStartups). */
const CONNECTIONS = 4;

interface AgentInternals {
  addRequest(request: ClientRequest, options: AgentOptions): void;
}

/** Connections to one daemon: few, and reused. */
export class SshAgent extends Agent {
  private readonly target: SshTarget;
  private readonly sshOptions: readonly string[];
  private readonly open = new Set<SshConnection>();

  constructor(target: SshTarget, sshOptions: readonly string[]) {
    super({ keepAlive: true, maxSockets: CONNECTIONS, maxFreeSockets: CONNECTIONS });
    this.target = target;
    this.sshOptions = sshOptions;
    process.once("exit", () => {
      for (const connection of this.open) connection.destroy();
    });
  }

  override createConnection(): Duplex {
    const connection = new SshConnection(this.target, this.sshOptions);
    this.open.add(connection);
    connection.once("close", () => this.open.delete(connection));
    return connection;
  }

  /** dockerode does not notice a connection lost during a response, unless its request fails. */
  addRequest(request: ClientRequest, options: AgentOptions): void {
    request.once("response", (answer: IncomingMessage) => {
      answer.once("error", (error) => request.emit("error", error));
    });
    (Agent.prototype as unknown as AgentInternals).addRequest.call(this, request, options);
  }
}
