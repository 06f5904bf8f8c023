#!/usr/bin/env node
// A stand-in for the Pulumi CLI as the Automation API calls it: it sends its events to --event-log's address
// by the engine's own
// protocol, and rejects what the real one rejects. FAKE_ENGINE selects the scenario; FAKE_ENGINE_CALLS is a
// file with one line per call.
import { appendFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const args = process.argv.slice(2);
const script = JSON.parse(process.env.FAKE_ENGINE ?? "{}");
const call = {
  args,
  parallelDiff: process.env.PULUMI_PARALLEL_DIFF,
  program: process.env.PROGRAM_VARIABLE,
  path: process.env.PATH,
};

if (args[0] === "version") {
  console.log(script.version ?? "v3.274.1");
  process.exit();
}
const note = (values) => appendFileSync(process.env.FAKE_ENGINE_CALLS, `${JSON.stringify(values)}\n`);
const verbs = ["up", "preview", "refresh", "destroy"];
if (!verbs.includes(args[0]) || !args.includes("--non-interactive") || !args.includes("--stack")) {
  console.error(`error: unexpected arguments ${args.join(" ")}`);
  process.exit(255);
}
note(call);
const [, address] = /^tcp:\/\/(.*)$/.exec(args[args.indexOf("--event-log") + 1] ?? "") ?? [];
if (!address) {
  console.error("error: events would be written to a file");
  process.exit(255);
}
const grpc = require("@grpc/grpc-js");
const { EventsClient } = require("@pulumi/pulumi/proto/events_grpc_pb.js");
const { EventRequest } = require("@pulumi/pulumi/proto/events_pb.js");
const { promise, resolve } = Promise.withResolvers();
const stream = new EventsClient(address, grpc.credentials.createInsecure()).streamEvents(resolve);
const send = (event) => {
  const request = new EventRequest();
  request.setEvent(JSON.stringify(event));
  stream.write(request);
};
const end = async (code) => {
  send({ summaryEvent: { resourceChanges: {} } });
  stream.end();
  await promise;
  process.exit(code);
};

for (const event of script.events ?? []) send(event);
if (script.stdout) console.log(script.stdout);
if (script.stderr) console.error(script.stderr);
if (script.waits) {
  let signals = 0;
  for (const name of ["SIGINT", "SIGTERM"])
    process.on(name, () => {
      note({ signal: name });
      // Like the real one: the first signal ends it gracefully, the second immediately.
      if (++signals > 1) process.exit(1);
      setTimeout(() => {
        send({ diagnosticEvent: { severity: "error", message: "update canceled" } });
        void end(255);
      }, 300);
    });
  note({ isReady: true });
  setInterval(() => {}, 1000);
} else await end(script.code ?? 0);
