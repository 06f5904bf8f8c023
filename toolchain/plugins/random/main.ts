/** Stand-in for pulumi-resource-random: RandomPassword. */
import { serveProvider } from "../shared/provider.ts";
import { password } from "./password.ts";

await serveProvider({
  name: "random",
  version: "4.21.2",
  resources: { "random:index/randomPassword:RandomPassword": password },
});
