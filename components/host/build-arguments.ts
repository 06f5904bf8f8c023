/** Arguments of image builds in a company's network. All are public: what an image is built with is in its history. */
import { BUNDLE_IN_IMAGE } from "../../config/stack/company/ca-bundle.ts";
import type { CompanySettings } from "../../config/stack/company/index.ts";
import { proxyVariables } from "../../config/stack/company/proxy.ts";

type Arguments = Record<string, string>;

/** What is in the image: its authorities and apt's sources. Nothing where there are none, so that the image keeps its tag. */
export const companyArguments = ({ caBundle, registries }: CompanySettings): Arguments => ({
  ...(caBundle ? { CA_BUNDLE: caBundle.pem } : {}),
  ...(registries?.apt ? { APT_MIRROR: registries.apt.url, APT_SECURITY: registries.apt.security } : {}),
});

/**
 * By which way the build reaches what it downloads, which is the same either way: opencode and uv are pinned by their checksums. Docker knows the
 * variables of a proxy itself, and keeps them out of the image's history and of its cache's keys. A registry that asks for credentials is none
 * of a build's.
 */
export function networkArguments({ proxy, caBundle, registries }: CompanySettings): Arguments {
  const { npm, pypi } = registries ?? {};
  return {
    ...proxyVariables(proxy),
    ...(caBundle ? { NODE_EXTRA_CA_CERTS: BUNDLE_IN_IMAGE } : {}),
    ...(npm && npm.secret === undefined && npm.scopes.length === 0 ? { NPM_CONFIG_REGISTRY: npm.url } : {}),
    ...(pypi && pypi.secret === undefined ? { PIP_INDEX_URL: pypi.url } : {}),
  };
}
