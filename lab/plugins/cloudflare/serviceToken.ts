/** cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken. */
import { num, str } from "../shared/plain.ts";
import { computed, flag, replaced, type Schema, text } from "../shared/schema.ts";
import type { PlainProps } from "../shared/values.ts";
import { cloudResource } from "./resource.ts";

export const schema: Schema = {
  accountId: replaced(text),
  clientSecretVersion: { type: "number", fallback: 1 },
  duration: { ...text, fallback: "8760h" },
  enabled: computed(flag),
  name: { ...text, required: true },
  previousClientSecretExpiresAt: text,
  zoneId: replaced(text),
};

export const serviceToken = cloudResource({
  schema,
  added: { clientId: text, clientSecret: text, expiresAt: text },
  secretOutputs: ["clientSecret"],
  parent: "either",
  path: "/access/service_tokens",
  body: ({ clientSecretVersion, duration }: PlainProps) => ({
    client_secret_version: num(clientSecretVersion) ?? 1,
    duration: str(duration) ?? "8760h",
  }),
  // The secret is only returned once, and the versions never.
  settle: ({ clientSecretVersion: _, previousClientSecretExpiresAt: __, ...live }) => live,
});
