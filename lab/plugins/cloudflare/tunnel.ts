/** cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared. */
import { compact, str } from "../shared/plain.ts";
import { computed, flag, replaced, type Schema, text } from "../shared/schema.ts";
import { same } from "../shared/values.ts";
import { cloudResource } from "./resource.ts";

export const schema: Schema = {
  accountId: { ...replaced(text), required: true },
  configSrc: { ...computed(replaced(text)), pattern: /^(local|cloudflare)$/i },
  name: { ...text, required: true },
  tunnelSecret: text,
};

const connection: Schema = {
  clientId: text,
  clientVersion: text,
  coloName: text,
  id: text,
  isPendingReconnect: flag,
  openedAt: text,
  originIp: text,
  uuid: text,
};

export const added: Schema = {
  accountTag: text,
  connections: { type: "list", items: { type: "object", fields: connection } },
  connsActiveAt: text,
  connsInactiveAt: text,
  createdAt: text,
  deletedAt: text,
  metadata: { type: "any" },
  remoteConfig: flag,
  status: text,
  tunType: text,
};

export const tunnel = cloudResource({
  schema,
  added,
  secretOutputs: ["tunnelSecret"],
  parent: "account",
  path: "/cfd_tunnel",
  body: ({ configSrc }) => ({ config_src: str(configSrc) ?? "local" }),
  patch: (news, state) =>
    compact({
      name: same(news.name, state.name) ? undefined : str(news.name),
      tunnel_secret: same(news.tunnelSecret, state.tunnelSecret) ? undefined : str(news.tunnelSecret),
    }),
  settle: (live, { configSrc, tunnelSecret }) => ({
    ...live,
    // The API returns neither.
    configSrc: configSrc ?? live.configSrc ?? "local",
    ...(tunnelSecret === undefined ? {} : { tunnelSecret }),
    ...(live.metadata === undefined ? {} : { metadata: JSON.stringify(live.metadata) }),
  }),
});
