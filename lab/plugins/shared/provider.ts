/** The provider protocol for a plugin's resources. */
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import pluginPb from "@pulumi/pulumi/proto/plugin_pb.js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import type { EngineLog } from "./engine.ts";
import { createServer, serve } from "./process.ts";
import { checkResponse, diffResponse, propsFrom, structFrom } from "./requests.ts";
import type { Context, Plugin, Resource } from "./resource.ts";
import { Calls } from "./unary.ts";
import { hasUnknown, type Props, reveal, stable } from "./values.ts";
import { pluginVersion } from "./version.ts";

/** Serves the plugin until the engine has ended. The first argument is the engine's address. */
export async function serveProvider(plugin: Plugin): Promise<void> {
  const abort = new AbortController();
  const calls = new Calls(abort.signal);
  const server = createServer();
  const session = new Session(plugin, abort, process.argv[2]);
  server.addService(providerGrpc.ResourceProviderService, {
    ...session.configuration(calls),
    ...session.operations(calls),
  });
  await serve(server, abort, () => calls.idle());
}

/** One engine's session with the plugin. */
class Session {
  private readonly plugin: Plugin;
  private readonly abort: AbortController;
  private readonly engineAddress: string | undefined;
  private engine: Promise<EngineLog> | undefined;

  constructor(plugin: Plugin, abort: AbortController, engineAddress: string | undefined) {
    this.plugin = plugin;
    this.abort = abort;
    this.engineAddress = engineAddress;
  }

  configuration(calls: Calls): UntypedServiceImplementation {
    return {
      handshake: calls.unary(() => {
        const response = new pb.ProviderHandshakeResponse();
        response.setAcceptSecrets(true);
        return response;
      }),
      checkConfig: calls.unary((request: pb.CheckRequest) => {
        const config = propsFrom(request.getNews());
        return checkResponse(config, this.plugin.checkConfig?.(config) ?? []);
      }),
      diffConfig: calls.unary((request: pb.DiffRequest) => diffResponse(diffConfig(request))),
      configure: calls.unary((request: pb.ConfigureRequest) => {
        const config = propsFrom(request.getArgs());
        if (!hasUnknown(config)) this.plugin.configure?.(config);
        const response = new pb.ConfigureResponse();
        response.setAcceptsecrets(true);
        response.setSupportspreview(true);
        return response;
      }),
      getPluginInfo: calls.unary(() => {
        const info = new pluginPb.PluginInfo();
        info.setVersion(pluginVersion(this.plugin.name));
        return info;
      }),
      attach: calls.unary(() => new emptyPb.Empty()),
      cancel: calls.unary(() => {
        this.abort.abort();
        return new emptyPb.Empty();
      }),
      invoke: calls.unary((request: pb.InvokeRequest, signal) => this.invoke(request, signal)),
      getSchema: calls.unary(() => this.refuse("schema (for pulumi import, add --generate-code=false)")),
    };
  }

  operations(calls: Calls): UntypedServiceImplementation {
    return {
      check: calls.unary((request: pb.CheckRequest) => this.check(request)),
      diff: calls.unary((request: pb.DiffRequest) => this.diff(request)),
      create: calls.unary((request: pb.CreateRequest, signal) => this.logged(this.create(request, signal))),
      read: calls.unary((request: pb.ReadRequest, signal) => this.logged(this.read(request, signal))),
      update: calls.unary((request: pb.UpdateRequest, signal) => this.logged(this.update(request, signal))),
      delete: calls.unary((request: pb.DeleteRequest, signal) => this.logged(this.delete(request, signal))),
    };
  }

  private async invoke(request: pb.InvokeRequest, signal: AbortSignal): Promise<pb.InvokeResponse> {
    const token = request.getTok();
    const lookup = this.plugin.functions?.[token] ?? this.refuse(`function ${token}`);
    const response = new pb.InvokeResponse();
    response.setReturn(structFrom(await lookup(propsFrom(request.getArgs()), signal)));
    return response;
  }

  private async check(request: pb.CheckRequest): Promise<pb.CheckResponse> {
    const { inputs, failures } = await this.resource(request.getUrn()).check({
      name: nameOf(request.getUrn()),
      olds: propsFrom(request.getOlds()),
      news: propsFrom(request.getNews()),
      seed: request.getRandomseed_asU8(),
    });
    return checkResponse(inputs, failures);
  }

  private async diff(request: pb.DiffRequest): Promise<pb.DiffResponse> {
    const result = await this.resource(request.getUrn()).diff({
      id: request.getId(),
      oldInputs: propsFrom(request.getOldInputs()),
      state: propsFrom(request.getOlds()),
      news: propsFrom(request.getNews()),
      ignore: request.getIgnorechangesList(),
    });
    return diffResponse(result);
  }

  private async create(request: pb.CreateRequest, signal: AbortSignal): Promise<pb.CreateResponse> {
    const resource = this.resource(request.getUrn());
    const inputs = propsFrom(request.getProperties());
    const response = new pb.CreateResponse();
    if (request.getPreview()) {
      response.setProperties(structFrom(resource.previewCreate(inputs)));
      return response;
    }
    const context = this.context(request, signal);
    const { id, state } = await resource.create(inputs, context);
    response.setId(id);
    response.setProperties(structFrom(state));
    if (signal.aborted) {
      // The new resource would not be recorded, so it is deleted to return to the known state.
      await resource.delete(id, state, { ...context, signal: new AbortController().signal });
      throw new Error("cancelled; the created resource was removed");
    }
    return response;
  }

  private async read(request: pb.ReadRequest, signal: AbortSignal): Promise<pb.ReadResponse> {
    const found = await this.resource(request.getUrn()).read(
      request.getId(),
      propsFrom(request.getInputs()),
      propsFrom(request.getProperties()),
      this.context(request, signal),
    );
    const response = new pb.ReadResponse();
    if (found === undefined) return response;
    response.setId(found.id);
    response.setProperties(structFrom(found.state));
    response.setInputs(structFrom(found.inputs));
    return response;
  }

  private async update(request: pb.UpdateRequest, signal: AbortSignal): Promise<pb.UpdateResponse> {
    const resource = this.resource(request.getUrn());
    const args = {
      id: request.getId(),
      state: propsFrom(request.getOlds()),
      news: propsFrom(request.getNews()),
    };
    const response = new pb.UpdateResponse();
    const state = request.getPreview()
      ? resource.previewUpdate(args)
      : await resource.update(args, this.context(request, signal));
    response.setProperties(structFrom(state));
    return response;
  }

  private async delete(request: pb.DeleteRequest, signal: AbortSignal): Promise<emptyPb.Empty> {
    const context = this.context(request, signal);
    await this.resource(request.getUrn()).delete(
      request.getId(),
      propsFrom(request.getProperties()),
      context,
    );
    return new emptyPb.Empty();
  }

  /** An operation's messages reach the engine before its result. */
  private async logged<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } finally {
      await (await this.engine)?.flush();
    }
  }

  private resource(urn: string): Resource {
    const type = typeOf(urn);
    const resource = this.plugin.resources[type];
    return resource ?? this.refuse(`resource type ${type}`);
  }

  private refuse(what: string): never {
    throw new Error(
      `the stand-in ${this.plugin.name} plugin doesn't cover the ${what}; install the official one: ` +
        `pulumi plugin install resource ${this.plugin.name} ${pluginVersion(this.plugin.name)}`,
    );
  }

  private context(request: { getUrn(): string; getTimeout?(): number }, signal: AbortSignal): Context {
    const urn = request.getUrn();
    const write = (message: string, severity: "info" | "warning", ephemeral: boolean): void => {
      void this.engineLog()?.then((log) => log.write({ urn, severity, message, ephemeral }));
    };
    return {
      urn,
      name: nameOf(urn),
      signal,
      timeoutSeconds: request.getTimeout?.() || undefined,
      log: (message, severity = "info") => write(message, severity, false),
      status: (message) => write(message, "info", true),
    };
  }

  private engineLog(): Promise<EngineLog> | undefined {
    const address = this.engineAddress;
    if (address === undefined) return undefined;
    this.engine ??= import("./engine.ts").then(({ EngineLog }) => new EngineLog(address));
    return this.engine;
  }
}

/** The type in a URN: the last of the types joined by `$`. */
export function typeOf(urn: string): string {
  const types = urn.split("::")[2] ?? "";
  return types.slice(types.lastIndexOf("$") + 1);
}

/** The name in a URN. */
export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

/** A change of the provider's configuration never replaces resources, as in the official plugins. */
function diffConfig(request: pb.DiffRequest): Parameters<typeof diffResponse>[0] {
  const state = propsFrom(request.getOlds());
  const news: Props = propsFrom(request.getNews());
  const names = [...new Set([...Object.keys(state), ...Object.keys(news)])].filter(
    (name) => name !== "version",
  );
  const changed = names.filter(
    (name) => stable(reveal(state[name] ?? null)) !== stable(reveal(news[name] ?? null)),
  );
  const changes = changed.map((property) => ({ property, kind: "update" as const, replace: false }));
  return { changes, deleteBeforeReplace: false };
}
