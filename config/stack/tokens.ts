/** The clouds' tokens, of whoever runs an update. */
import type { Problem } from "../errors.ts";
import { setSecretCommand } from "./commands.ts";

/** Whether there is a token of each cloud, in the stack's config or in the environment. */
export interface TokensPresent {
  readonly digitalocean: boolean;
  readonly cloudflare: boolean;
  /** Of Spaces, with which a bucket is made. Absent: unknown, and not checked. */
  readonly spaces?: boolean;
}

/** The clouds' tokens: the config key, and the variables that the providers take one from else. */
export const CLOUD_TOKENS = {
  digitalocean: {
    key: "digitalocean:token",
    variables: ["DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN"],
    of: "DigitalOcean",
  },
  cloudflare: { key: "cloudflare:apiToken", variables: ["CLOUDFLARE_API_TOKEN"], of: "Cloudflare" },
} as const;

/** Which of the clouds' tokens there are. */
export function tokensPresent(
  hasConfig: (key: string) => boolean,
  env: Readonly<Record<string, string | undefined>>,
): TokensPresent {
  const has = ({ key, variables }: { key: string; variables: readonly string[] }) =>
    hasConfig(key) || variables.some((variable) => env[variable]);
  return {
    digitalocean: has(CLOUD_TOKENS.digitalocean),
    cloudflare: has(CLOUD_TOKENS.cloudflare),
    spaces:
      has({ key: "digitalocean:spacesAccessId", variables: ["SPACES_ACCESS_KEY_ID"] }) &&
      has({ key: "digitalocean:spacesSecretKey", variables: ["SPACES_SECRET_ACCESS_KEY"] }),
  };
}

/** The tokens that a stack on a droplet lacks. */
export function checkTokens({
  stack,
  tokens,
}: {
  readonly stack: string;
  readonly tokens: TokensPresent;
}): Problem[] {
  return (["digitalocean", "cloudflare"] as const).flatMap((cloud): Problem[] => {
    if (tokens[cloud]) return [];
    const { key, variables, of } = CLOUD_TOKENS[cloud];
    const [variable] = variables;
    const what = `is required (or ${variable} in the environment): ${of} needs a token`;
    return [{ where: key, what, fix: `${setSecretCommand(key, stack)} (or set ${variable})` }];
  });
}
