/** Stand-in for pulumi-resource-random: RandomPassword and RandomId. */
import { serveProvider } from "../shared/provider.ts";
import { id } from "./id.ts";
import { password } from "./password.ts";

await serveProvider({
  name: "random",
  resources: {
    "random:index/randomId:RandomId": id,
    "random:index/randomPassword:RandomPassword": password,
  },
});
