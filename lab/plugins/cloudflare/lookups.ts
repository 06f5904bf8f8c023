/** Functions: a zone, an organization, its identity providers, and a tunnel's token. */
import { num, record, records, str, texts } from "../shared/plain.ts";
import type { Lookup } from "../shared/resource.ts";
import { doing } from "../shared/rest.ts";
import { flag, type Property, type Schema, text, textList } from "../shared/schema.ts";
import { type PlainProps, type Props, revealProps, Secret } from "../shared/values.ts";
import { call, envelope, FAILED, pages } from "./client.ts";
import { configFields } from "./identityProvider.ts";
import { fromApi } from "./wire.ts";

const number: Property = { type: "number" };
const object = (fields: Schema): Property => ({ type: "object", fields });

const zoneFields: Schema = {
  account: object({ id: text, name: text }),
  activatedOn: text,
  cnameSuffix: text,
  createdOn: text,
  developmentMode: number,
  meta: object({
    cdnOnly: flag,
    customCertificateQuota: number,
    dnsOnly: flag,
    foundationDns: flag,
    pageRuleQuota: number,
    phishingDetected: flag,
    step: number,
  }),
  modifiedOn: text,
  name: text,
  nameServers: textList,
  originalDnshost: text,
  originalNameServers: textList,
  originalRegistrar: text,
  owner: object({ id: text, name: text, type: text }),
  paused: flag,
  permissions: textList,
  plan: object({
    canSubscribe: flag,
    currency: text,
    externallyManaged: flag,
    frequency: text,
    id: text,
    isSubscribed: flag,
    legacyDiscount: flag,
    legacyId: text,
    name: text,
    price: number,
  }),
  status: text,
  tenant: object({ id: text, name: text }),
  tenantUnit: object({ id: text }),
  type: text,
  vanityNameServers: textList,
  verificationKey: text,
};

/** The query of a filter: nested names with dots, as in the API. */
function query(filter: PlainProps): string {
  const { account, types, ...plain } = filter;
  const parameters = new URLSearchParams(texts(plain));
  for (const [name, value] of Object.entries(texts(account))) parameters.set(`account.${name}`, value);
  if (Array.isArray(types) && types.length > 0) parameters.set("type", types.join(","));
  return parameters.toString();
}

const getZone: Lookup = async (args, signal) => {
  const { filter, zoneId } = revealProps(args);
  let id = str(zoneId);
  if (record(filter) !== undefined) {
    const found = await doing(FAILED, envelope(signal, "GET", `/zones?${query(record(filter) ?? {})}`));
    const zones = records(found.result);
    if (zones.length !== 1) throw new Error(`failed to find exactly one result: ${zones.length} found`);
    id = str(zones[0]?.id);
  }
  if (id === undefined) throw new Error("Invalid zone configuration: empty or null zone ID");
  const zone = record(await doing(FAILED, call(signal, "GET", `/zones/${id}`))) ?? {};
  return { ...args, ...fromApi(zoneFields, zone), id, zoneId: id };
};

/** The path of the arguments' account or zone. */
function parent(args: PlainProps): string {
  const account = str(args.accountId);
  return account === undefined ? `/zones/${str(args.zoneId) ?? ""}` : `/accounts/${account}`;
}

const organizationFields: Schema = {
  allowAuthenticateViaWarp: flag,
  authDomain: text,
  autoRedirectToIdentity: flag,
  customPages: object({ forbidden: text, identityDenied: text }),
  denyUnmatchedRequests: flag,
  denyUnmatchedRequestsExemptedZoneNames: textList,
  isUiReadOnly: flag,
  loginDesign: object({
    backgroundColor: text,
    footerText: text,
    headerText: text,
    logoPath: text,
    textColor: text,
  }),
  mfaRequiredForAllApps: flag,
  name: text,
  sessionDuration: text,
  strictServiceTokenAuth: flag,
  trustedAccounts: textList,
  uiReadOnlyToggleReason: text,
  userSeatExpirationInactiveTime: text,
  warpAuthNonBrowser401: flag,
  warpAuthSessionDuration: text,
};

const getZeroTrustOrganization: Lookup = async (args, signal) => {
  const path = `${parent(revealProps(args))}/access/organizations`;
  const found = record(await doing(FAILED, call(signal, "GET", path))) ?? {};
  return { ...args, ...fromApi(organizationFields, found) };
};

const providerFields: Schema = {
  config: object(configFields),
  id: text,
  name: text,
  readOnly: flag,
  samlCertificateSetId: text,
  type: text,
};

const MOST_ITEMS = 1000;

const getZeroTrustAccessIdentityProviders: Lookup = async (args, signal) => {
  const given = revealProps(args);
  const path = `${parent(given)}/access/identity_providers`;
  const scim = str(given.scimEnabled);
  const found = await doing(FAILED, pages(signal, path, scim === undefined ? {} : { scim_enabled: scim }));
  const results = records(found).map((provider) => fromApi(providerFields, provider));
  return { ...args, results: results.slice(0, num(given.maxItems) ?? MOST_ITEMS) };
};

const getZeroTrustTunnelCloudflaredToken: Lookup = async (args, signal) => {
  const { accountId, tunnelId } = revealProps(args);
  const path = `/accounts/${str(accountId)}/cfd_tunnel/${str(tunnelId)}/token`;
  const token = str(await doing(FAILED, call(signal, "GET", path)));
  if (token === undefined) throw new Error(`${FAILED}: the answer has no token`);
  const result: Props = { ...args, id: str(tunnelId) ?? "", token: new Secret(token) };
  return result;
};

/** By token. */
export const lookups: Readonly<Record<string, Lookup>> = {
  "cloudflare:index/getZone:getZone": getZone,
  "cloudflare:index/getZeroTrustOrganization:getZeroTrustOrganization": getZeroTrustOrganization,
  "cloudflare:index/getZeroTrustAccessIdentityProviders:getZeroTrustAccessIdentityProviders":
    getZeroTrustAccessIdentityProviders,
  "cloudflare:index/getZeroTrustTunnelCloudflaredToken:getZeroTrustTunnelCloudflaredToken":
    getZeroTrustTunnelCloudflaredToken,
};
