/** `cloudflared access ssh` on a person's machine, with the stand-in of the edge where the real one finds Cloudflare's. */
import { readFileSync } from "node:fs";
import { carry } from "../../standins/cloudflare/connector/carrier.ts";

const [, command, ...args] = process.argv.slice(2);
const { EDGE_PORT: port, EDGE_CA: caFile = "" } = process.env;
try {
  if (command !== "ssh") throw new Error(`the stand-in of a person's cloudflared has no command ${command}`);
  await carry(args, { ca: readFileSync(caFile), at: () => ({ host: "127.0.0.1", port: Number(port) }) });
  process.exit(0);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
