/** Stand-in for pulumi-language-nodejs: runs programs, without code generation. */
import { spawn } from "node:child_process";
import type { ServerWritableStream, UntypedServiceImplementation } from "@grpc/grpc-js";
import grpcService from "@pulumi/pulumi/proto/language_grpc_pb.js";
import pb from "@pulumi/pulumi/proto/language_pb.js";
import pluginPb from "@pulumi/pulumi/proto/plugin_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import { PULUMI } from "../../../config/versions.ts";
import { createServer, serve } from "../shared/process.ts";
import { failureFrom } from "../shared/requests.ts";
import { Calls } from "../shared/unary.ts";
import { dependenciesOf, packagesOf } from "./packages.ts";
import { runProgram } from "./program.ts";

const abort = new AbortController();
const calls = new Calls(abort.signal);
let engineAddress = process.argv.slice(2).find((argument) => !argument.startsWith("-")) ?? "";

function requiredPackages(programDirectory: string): pluginPb.PackageDependency[] {
  return packagesOf(programDirectory).map(({ name, version, server }) => {
    const dependency = new pluginPb.PackageDependency();
    dependency.setName(name);
    dependency.setKind("resource");
    dependency.setVersion(version);
    dependency.setServer(server);
    return dependency;
  });
}

async function run(request: pb.RunRequest, signal: AbortSignal): Promise<pb.RunResponse> {
  const info = request.getInfo();
  const result = await runProgram(
    {
      engineAddress,
      monitorAddress: request.getMonitorAddress(),
      organization: request.getOrganization(),
      project: request.getProject(),
      stack: request.getStack(),
      rootDirectory: info?.getRootDirectory() ?? "",
      programDirectory: info?.getProgramDirectory() ?? request.getPwd(),
      entryPoint: info?.getEntryPoint() || ".",
      dryRun: request.getDryrun(),
      parallel: request.getParallel(),
      args: request.getArgsList(),
      config: new Map(request.getConfigMap().getEntryList()),
      secretKeys: request.getConfigsecretkeysList(),
      options: info?.getOptions()?.toJavaScript() ?? {},
    },
    signal,
  );
  const response = new pb.RunResponse();
  response.setError(result.error);
  response.setBail(result.bail);
  return response;
}

/** `pulumi install` runs npm and streams its output. */
function installDependencies(
  call: ServerWritableStream<pb.InstallDependenciesRequest, pb.InstallDependenciesResponse>,
): void {
  const cwd = call.request.getInfo()?.getProgramDirectory() || call.request.getDirectory();
  const child = spawn("npm", ["install", "--loglevel=error"], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const send = (stdout: Uint8Array, stderr: Uint8Array): void => {
    const response = new pb.InstallDependenciesResponse();
    response.setStdout(stdout);
    response.setStderr(stderr);
    call.write(response);
  };
  const nothing = new Uint8Array();
  child.stdout.on("data", (chunk: Uint8Array) => send(chunk, nothing));
  child.stderr.on("data", (chunk: Uint8Array) => send(nothing, chunk));
  child.on("error", (error) => call.emit("error", failureFrom(error)));
  child.on("close", (code) => {
    if (code === 0) call.end();
    else call.emit("error", failureFrom(new Error(`npm install exited with code ${code}`)));
  });
}

function about(): pb.AboutResponse {
  const response = new pb.AboutResponse();
  response.setExecutable(process.execPath);
  response.setVersion(process.version);
  return response;
}

function programDependencies(programDirectory: string): pb.GetProgramDependenciesResponse {
  const response = new pb.GetProgramDependenciesResponse();
  response.setDependenciesList(
    dependenciesOf(programDirectory).map(({ name, version }) => {
      const dependency = new pb.DependencyInfo();
      dependency.setName(name);
      dependency.setVersion(version);
      return dependency;
    }),
  );
  return response;
}

const service: UntypedServiceImplementation = {
  handshake: calls.unary((request: pb.LanguageHandshakeRequest) => {
    engineAddress = request.getEngineAddress();
    return new pb.LanguageHandshakeResponse();
  }),
  getRequiredPackages: calls.unary((request: pb.GetRequiredPackagesRequest) => {
    const response = new pb.GetRequiredPackagesResponse();
    response.setPackagesList(requiredPackages(request.getInfo()?.getProgramDirectory() ?? process.cwd()));
    return response;
  }),
  run: calls.unary(run),
  getPluginInfo: calls.unary(() => {
    const info = new pluginPb.PluginInfo();
    info.setVersion(PULUMI);
    return info;
  }),
  installDependencies,
  runtimeOptionsPrompts: calls.unary(() => new pb.RuntimeOptionsResponse()),
  template: calls.unary(() => new pb.TemplateResponse()),
  about: calls.unary(about),
  getProgramDependencies: calls.unary((request: pb.GetProgramDependenciesRequest) =>
    programDependencies(request.getInfo()?.getProgramDirectory() ?? process.cwd()),
  ),
  cancel: calls.unary(() => {
    abort.abort();
    return new emptyPb.Empty();
  }),
};

const server = createServer();
server.addService(grpcService.LanguageRuntimeService, service);
await serve(server, abort, () => calls.idle());
