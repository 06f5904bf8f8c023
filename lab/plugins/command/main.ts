/** Stand-in for pulumi-resource-command: local.Command. */
import { serveProvider } from "../shared/provider.ts";
import { command } from "./local.ts";

await serveProvider({ name: "command", resources: { "command:local:Command": command } });
