/** cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication. */
import { bool, records, str } from "../shared/plain.ts";
import {
  computed,
  flag,
  integer,
  type Property,
  replaced,
  type Schema,
  text,
  textList,
  textSet,
} from "../shared/schema.ts";
import type { PlainProps } from "../shared/values.ts";
import { notCovered } from "./client.ts";
import { cloudResource } from "./resource.ts";

const other = (what: string): Property => ({ type: "any", ...notCovered(what) });
const inline = other("a policy inside an application: create a ZeroTrustAccessPolicy and use its id, or");

export const corsFields: Schema = {
  allowAllHeaders: flag,
  allowAllMethods: flag,
  allowAllOrigins: flag,
  allowCredentials: flag,
  allowedHeaders: textSet,
  allowedMethods: textSet,
  allowedOrigins: textSet,
  maxAge: { type: "number" },
};

export const destinationFields: Schema = {
  cidr: text,
  hostname: text,
  l4Protocol: text,
  mcpServerId: text,
  portRange: text,
  type: { ...computed(text), fallback: "public" },
  uri: text,
  vnetId: text,
  workerId: text,
};

export const policyFields: Schema = {
  connectionRules: inline,
  decision: inline,
  excludes: inline,
  id: text,
  includes: inline,
  mfaConfig: inline,
  name: inline,
  precedence: computed(integer),
  requires: inline,
};

export const schema: Schema = {
  accountId: replaced(text),
  allowAuthenticateViaWarp: flag,
  allowIframe: flag,
  allowedIdps: textSet,
  appLauncherLogoUrl: other("appLauncherLogoUrl"),
  appLauncherVisible: computed(flag),
  autoRedirectToIdentity: flag,
  bgColor: other("bgColor"),
  corsHeaders: { type: "object", fields: corsFields },
  customDenyMessage: text,
  customDenyUrl: text,
  customNonIdentityDenyUrl: text,
  customPages: textList,
  destinations: computed({ type: "list", items: { type: "object", fields: destinationFields } }),
  domain: computed(text),
  enableBindingCookie: flag,
  footerLinks: other("footerLinks"),
  headerBgColor: other("headerBgColor"),
  httpOnlyCookieAttribute: computed(flag),
  landingPageDesign: other("landingPageDesign"),
  logoUrl: text,
  mfaConfig: other("mfaConfig"),
  name: computed(text),
  oauthConfiguration: other("oauthConfiguration"),
  optionsPreflightBypass: flag,
  pathCookieAttribute: flag,
  policies: { type: "list", items: { type: "object", fields: policyFields } },
  readServiceTokensFromHeader: text,
  saasApp: other("saasApp"),
  sameSiteCookieAttribute: text,
  scimConfig: other("scimConfig"),
  selfHostedDomains: computed(textSet),
  serviceAuth401Redirect: flag,
  sessionDuration: computed(text),
  skipAppLauncherLoginPage: other("skipAppLauncherLoginPage"),
  skipInterstitial: flag,
  tags: textSet,
  targetCriterias: other("targetCriterias"),
  type: { ...computed(text), pattern: /^self_hosted$/ },
  zoneId: replaced(text),
};

/** The official plugin's request for a self-hosted application, which always has these fields. */
function body(inputs: PlainProps): PlainProps {
  const policies = records(inputs.policies).map(({ id, precedence }, index) => ({
    id: id ?? "",
    precedence: precedence ?? index + 1,
  }));
  return {
    app_launcher_visible: bool(inputs.appLauncherVisible) ?? true,
    http_only_cookie_attribute: bool(inputs.httpOnlyCookieAttribute) ?? true,
    session_duration: str(inputs.sessionDuration) ?? "24h",
    // Without the list, the API would keep the current policies.
    policies,
  };
}

export const application = cloudResource({
  schema,
  added: { aud: text },
  parent: "either",
  path: "/access/apps",
  body,
});
