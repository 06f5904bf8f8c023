/** Stand-in for pulumi-resource-cloudflare, as far as this project's stacks use it. */
import { serveProvider } from "../shared/provider.ts";
import { accessPolicy } from "./accessPolicy.ts";
import { application } from "./application.ts";
import { checkConfig, configure } from "./client.ts";
import { dnsRecord } from "./dnsRecord.ts";
import { identityProvider } from "./identityProvider.ts";
import { lookups } from "./lookups.ts";
import { serviceToken } from "./serviceToken.ts";
import { tunnel } from "./tunnel.ts";
import { tunnelConfig } from "./tunnelConfig.ts";

await serveProvider({
  name: "cloudflare",
  resources: {
    "cloudflare:index/dnsRecord:DnsRecord": dnsRecord,
    "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication": application,
    "cloudflare:index/zeroTrustAccessIdentityProvider:ZeroTrustAccessIdentityProvider": identityProvider,
    "cloudflare:index/zeroTrustAccessPolicy:ZeroTrustAccessPolicy": accessPolicy,
    "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken": serviceToken,
    "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared": tunnel,
    "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig": tunnelConfig,
  },
  functions: lookups,
  checkConfig,
  configure,
});
