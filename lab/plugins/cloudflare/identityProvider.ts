/** cloudflare:index/zeroTrustAccessIdentityProvider:ZeroTrustAccessIdentityProvider. */
import { record } from "../shared/plain.ts";
import { computed, flag, replaced, type Schema, text, textList } from "../shared/schema.ts";
import type { PlainProps } from "../shared/values.ts";
import { notCovered } from "./client.ts";
import { cloudResource } from "./resource.ts";

export const configFields: Schema = {
  appsDomain: text,
  attributes: textList,
  authUrl: text,
  authorizationServerId: text,
  centrifyAccount: text,
  centrifyAppId: text,
  certsUrl: text,
  claims: textList,
  clientId: text,
  clientSecret: text,
  conditionalAccessEnabled: flag,
  directoryId: text,
  emailAttributeName: text,
  emailClaimName: text,
  enableEncryption: computed(flag),
  forceAuthn: computed(flag),
  headerAttributes: { type: "any", ...notCovered("headerAttributes") },
  idpPublicCerts: textList,
  issuerUrl: text,
  maxSsoUrlLength: computed({ type: "number" }),
  oktaAccount: text,
  oneloginAccount: text,
  pingEnvId: text,
  pkceEnabled: flag,
  prompt: text,
  redirectUrl: computed(text),
  restrictToAccountMembers: computed(flag),
  scopes: textList,
  signRequest: flag,
  ssoTargetUrl: text,
  supportGroups: flag,
  tokenUrl: text,
  useLoginHint: computed(flag),
};

export const schema: Schema = {
  accountId: replaced(text),
  config: { type: "object", fields: configFields, required: true },
  name: { ...text, required: true },
  readOnly: flag,
  samlCertificateSetId: { ...text, ...notCovered("samlCertificateSetId") },
  scimConfig: { type: "object", ...notCovered("scimConfig") },
  type: { ...replaced(text), required: true },
  zoneId: replaced(text),
};

/** The API never returns a client's secret again. */
function settle(live: PlainProps, known: PlainProps): PlainProps {
  const [found, before] = [record(live.config) ?? {}, record(known.config) ?? {}];
  const { clientSecret, ...rest } = found;
  const secret = clientSecret ?? before.clientSecret;
  return { ...live, config: secret === undefined ? rest : { ...rest, clientSecret: secret } };
}

export const identityProvider = cloudResource({
  schema,
  added: {},
  secretOutputs: ["config.clientSecret"],
  parent: "either",
  path: "/access/identity_providers",
  settle,
});
