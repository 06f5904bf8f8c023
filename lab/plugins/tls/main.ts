/** Stand-in for pulumi-resource-tls: PrivateKey. */
import { serveProvider } from "../shared/provider.ts";
import { privateKey } from "./privateKey.ts";

await serveProvider({
  name: "tls",
  resources: { "tls:index/privateKey:PrivateKey": privateKey },
});
