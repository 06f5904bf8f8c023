// Asks the storage program, and passes on what it says line by line; the last line decides about the exit code.
import { request } from "node:http";
import { OWN_SOCKET } from "./paths.mjs";

const [verb = "status", argument = "{}"] = process.argv.slice(2);
const socketPath = process.env.OPENCODE_PLATFORM_ASK ?? OWN_SOCKET;

function end(what) {
  console.log(JSON.stringify({ error: { what } }));
  process.exit(1);
}

const sent = request({ socketPath, method: "POST", path: `/${encodeURIComponent(verb)}` }, (response) => {
  if (response.statusCode === 404) {
    console.error(`There is no verb ${verb}.`);
    process.exit(2);
  }
  let line = "";
  let last = "";
  response.setEncoding("utf8");
  response.on("data", (part) => {
    process.stdout.write(part);
    const lines = (line + part).split("\n");
    line = lines.pop() ?? "";
    last = lines.at(-1) ?? last;
  });
  response.on("close", () => {
    // Without a last word the program has ended.
    if (!/^\{"(result|error)":/.test(last))
      end("the storage program ended meanwhile: what it did is undone, or done, when it is back");
    process.exitCode = last.startsWith('{"error":') ? 1 : 0;
  });
  response.on("error", () => {}); // `close` follows
});
sent.on("error", () => end("the storage program does not answer"));
sent.end(argument);
