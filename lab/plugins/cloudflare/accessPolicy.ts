/** cloudflare:index/zeroTrustAccessPolicy:ZeroTrustAccessPolicy. */
import { str } from "../shared/plain.ts";
import { flag, integer, type Property, replaced, type Schema, text } from "../shared/schema.ts";
import type { PlainProps } from "../shared/values.ts";
import { notCovered } from "./client.ts";
import { cloudResource } from "./resource.ts";

function selector(fields: Schema): Property {
  return { type: "object", fields };
}

function needs(...names: string[]): Property {
  return selector(Object.fromEntries(names.map((name) => [name, { ...text, required: true }])));
}

const other = (name: string): Property => ({ type: "any", ...notCovered(`the selector ${name}`) });

/** An empty object has a meaning here: the rule exists. */
const bare: Property = { type: "any" };

const rule: Schema = {
  anyValidServiceToken: bare,
  authContext: other("authContext"),
  authMethod: other("authMethod"),
  azureAd: other("azureAd"),
  certificate: bare,
  cloudflareAccountMember: other("cloudflareAccountMember"),
  commonName: needs("commonName"),
  devicePosture: other("devicePosture"),
  email: needs("email"),
  emailDomain: needs("domain"),
  emailList: needs("id"),
  everyone: bare,
  externalEvaluation: other("externalEvaluation"),
  geo: needs("countryCode"),
  githubOrganization: other("githubOrganization"),
  group: needs("id"),
  gsuite: needs("email", "identityProviderId"),
  ip: needs("ip"),
  ipList: needs("id"),
  linkedAppToken: other("linkedAppToken"),
  loginMethod: needs("id"),
  oidc: other("oidc"),
  okta: other("okta"),
  saml: other("saml"),
  serviceToken: needs("tokenId"),
  userRiskScore: other("userRiskScore"),
};

const rules: Property = { type: "list", unordered: true, items: { type: "object", fields: rule } };

export const schema: Schema = {
  accountId: { ...replaced(text), required: true },
  approvalGroups: { type: "any", ...notCovered("approvalGroups") },
  approvalRequired: flag,
  connectionRules: { type: "any", ...notCovered("connectionRules") },
  decision: { ...text, required: true, pattern: /^(allow|deny|non_identity|bypass)$/ },
  excludes: rules,
  includes: rules,
  isolationRequired: flag,
  mfaConfig: { type: "any", ...notCovered("mfaConfig") },
  name: { ...text, required: true },
  purposeJustificationPrompt: text,
  purposeJustificationRequired: flag,
  requires: rules,
  sessionDuration: { ...text, fallback: "24h" },
};

export const accessPolicy = cloudResource({
  schema,
  added: { appCount: integer, createdAt: text, reusable: flag, updatedAt: text },
  parent: "account",
  path: "/access/policies",
  body: ({ sessionDuration }: PlainProps) => ({ session_duration: str(sessionDuration) ?? "24h" }),
});
