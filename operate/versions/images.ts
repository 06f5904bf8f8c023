/** Looks images up at their registries, for the digests in config/versions.ts. The protocol is OCI's distribution specification 1.1. */
import { createHash } from "node:crypto";
import * as z from "zod";
import { fail } from "../../config/errors.ts";
import { BASE_IMAGE, CLOUDFLARED_IMAGE, TRAEFIK_IMAGE } from "../../config/versions.ts";

/** The images that the platform takes from registries. */
export const PINNED_IMAGES: readonly string[] = [BASE_IMAGE, TRAEFIK_IMAGE, CLOUDFLARED_IMAGE];

/** Docker's own registry: of an image without a registry in its name. */
const DOCKER_HUB = "https://registry-1.docker.io";
const TIMEOUT_MS = 20_000;
/** As in biome.json. */
const LINE_WIDTH = 110;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
/** Indexes first: their digest is the same on every processor. */
const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/**
 * The lines of IMAGE_DIGESTS.
 * @param hub address of Docker's registry
 * @throws UserError if one of the images is not found or its registry doesn't answer: half a list would be mistaken for a whole one
 */
export async function digestLines(images = PINNED_IMAGES, hub = DOCKER_HUB): Promise<string[]> {
  const digests = await Promise.all(images.map((image) => lookUpDigest(image, hub)));
  return [
    "export const IMAGE_DIGESTS: Readonly<Record<string, string>> = {",
    ...images.flatMap((image, index) => digestLine(`"${image}":`, `"${digests[index]}",`)),
    "};",
  ];
}

/** A key and its value as the formatter leaves them, so that `--write` needs no second command. */
const digestLine = (key: string, value: string): string[] =>
  key.length + value.length + 3 <= LINE_WIDTH ? [`  ${key} ${value}`] : [`  ${key}`, `    ${value}`];

/** The text of config/versions.ts with other lines of IMAGE_DIGESTS. */
export function withDigests(text: string, lines: readonly string[]): string {
  const block = /^export const IMAGE_DIGESTS: [^=]+= \{[^}]*\};$/m;
  if (!block.test(text)) throw new Error("config/versions.ts has no IMAGE_DIGESTS");
  return text.replace(block, () => lines.join("\n"));
}

/** What an image's tag leads to now. */
async function lookUpDigest(image: string, hub: string): Promise<string> {
  const { registry, repository, tag } = parse(image, hub);
  const url = `${registry}/v2/${repository}/manifests/${tag}`;
  const headers = { accept: MANIFESTS };
  let answer = await ask(image, url, { method: "HEAD", headers });
  let authorization = {};
  if (answer.status === 401) {
    authorization = { authorization: `Bearer ${await tokenFor(image, answer)}` };
    answer = await ask(image, url, { method: "HEAD", headers: { ...headers, ...authorization } });
  }
  refuse(image, answer);
  const digest = answer.headers.get("docker-content-digest") ?? (await hashed());
  return DIGEST.test(digest) ? digest : fail("environment", image, `${url} answers no digest: ${digest}`);

  /** A registry may leave the header out; the digest is then that of the manifest's bytes. */
  async function hashed(): Promise<string> {
    const manifest = await ask(image, url, { headers: { ...headers, ...authorization } });
    refuse(image, manifest);
    const bytes = Buffer.from(await manifest.arrayBuffer());
    return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  }
}

/** `traefik:v3` is `library/traefik` at Docker's registry; a first part with a dot or a port is another registry. */
function parse(image: string, hub: string): { registry: string; repository: string; tag: string } {
  const [, path = image, tag = "latest"] = /^(.+?)(?::([\w][\w.-]{0,127}))?$/.exec(image) ?? [];
  const [first = "", ...rest] = path.split("/");
  if (rest.length > 0 && /[.:]|^localhost$/.test(first))
    return { registry: `https://${first}`, repository: rest.join("/"), tag };
  return { registry: hub, repository: rest.length > 0 ? path : `library/${path}`, tag };
}

const tokenSchema = z.union([
  z.object({ token: z.string() }).transform(({ token }) => token),
  z.object({ access_token: z.string() }).transform(({ access_token }) => access_token),
]);

/** A token for anybody, from where the registry's refusal sends. */
async function tokenFor(image: string, refusal: Response): Promise<string> {
  const challenge = refusal.headers.get("www-authenticate") ?? "";
  const { realm, ...query } = Object.fromEntries(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value]),
  );
  if (!/^bearer /i.test(challenge) || !realm || !URL.canParse(realm))
    return fail("environment", image, `the registry wants a login that is not for anybody: ${challenge}`);
  const url = new URL(realm);
  for (const key of ["service", "scope"]) if (query[key]) url.searchParams.set(key, query[key]);
  const answer = await ask(image, url.href);
  refuse(image, answer);
  const token = tokenSchema.safeParse(await answer.json().catch(() => undefined)).data;
  return token ?? fail("environment", image, `${url.origin} answers no token`);
}

async function ask(image: string, url: string, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    const { cause, message } = error as Error;
    const reason = cause instanceof Error ? cause.message : message;
    return fail("environment", image, `${new URL(url).host} cannot be reached: ${reason}`);
  }
}

function refuse(image: string, answer: Response): void {
  if (answer.ok) return;
  const { host } = new URL(answer.url);
  if (answer.status === 404) fail("config", image, `is not at ${host}`, "correct its version");
  if (answer.status !== 429) fail("environment", image, `${host} answered ${answer.status}`);
  const after = answer.headers.get("retry-after");
  const fix = after ? `try again in ${after} s` : "try again later";
  fail("environment", image, `${host} has had too many requests from here`, fix);
}
