/**
 * Every release that the platform is made of and that no package.json pins, once. A comment above a version says where newer ones are
 * looked for: `npm run versions` and Renovate (renovate.json) both read it. test/config/versions.test.ts holds to these the few places
 * that cannot import them.
 */

/** opencode in the image: the newest 1.x whose binaries are published for every platform. Another release needs a line in opencode-releases.ts. */
// renovate: datasource=npm depName=opencode-ai
export const OPENCODE = "1.18.33";
/** The newest 2.x whose packages' checksums could be had from more than one place; a choice, not the default (docs/opencode.md). */
// renovate: datasource=npm depName=@opencode/cli
export const OPENCODE_2 = "2.0.18";

/** Traefik, the gateway. */
// renovate: datasource=github-releases depName=traefik/traefik
export const TRAEFIK = "3.6.12";
export const TRAEFIK_IMAGE = `traefik:v${TRAEFIK}`;

/** cloudflared: the connector on a droplet, and the client that a pipeline reaches it with. Another version needs other checksums below. */
// renovate: datasource=github-releases depName=cloudflare/cloudflared
export const CLOUDFLARED = "2026.8.2";
export const CLOUDFLARED_IMAGE = `cloudflare/cloudflared:${CLOUDFLARED}`;
/** SHA-256 of the release's files for Linux, by Node's name of the platform: the notes of https://github.com/cloudflare/cloudflared/releases have them. */
export const CLOUDFLARED_SHA256: Readonly<Record<string, readonly [asset: string, sha256: string]>> = {
  "linux-x64": [
    "cloudflared-linux-amd64",
    "fcfb02b575a52ca1af2e3267af4e1517bcdeb30ac48c834c69abaed3c0576ad2",
  ],
  "linux-arm64": [
    "cloudflared-linux-arm64",
    "7747d94570fb390cf47dcb4f9555c193c6355cda9793f0d878d9049e5d6a7790",
  ],
};

/** The Pulumi CLI: the newest release whose checksums could be had here from a host that isn't the download's (pulumi/homebrew-tap). */
// renovate: datasource=github-releases depName=pulumi/pulumi
export const PULUMI = "3.259.0";
/**
 * SHA-256 of the CLI's archives, by machine: what `npm run versions -- pulumi <version>` prints. For a machine without one, the release's own list at
 * GitHub counts; never that of the host of the download. These are from https://github.com/pulumi/homebrew-tap, Formula/pulumi.rb, commit 51fb494.
 */
export const PULUMI_SHA256: Readonly<Record<string, string>> = {
  "linux-x64": "94ba357acac23d01474084c4b00098dc0f7bc70ce13f34c777459254a5f718e5",
  "linux-arm64": "edc8327463a72160bb36cf82cf5062da9c8a244290a706d9980988e7bf486853",
  "darwin-x64": "eaca4c3b8277bfa3ab061fa3b270d1c66358a0b2e613da8c5587a04b7226c534",
  "darwin-arm64": "57c27f179e527e2cf9f62b841a448af72a020e44b2fb4ee0d9bd85556c00c864",
};
/**
 * The oldest Pulumi CLI that is used when it is already installed: the first that sends an update's events to the Automation API over a
 * connection. Older ones write them to a file, with the secrets in them.
 */
export const PULUMI_OLDEST = "3.206.0";

/** The image that opencode's is built from: the default of the setting `baseImage`. */
// renovate: datasource=docker depName=node
export const BASE_IMAGE = "node:22-bookworm-slim";
/** uv, in the image: pip gets it by the checksums below, which another version needs others of (https://pypi.org/project/uv/#files). */
// renovate: datasource=pypi depName=uv
export const UV = "0.13.9";
/** SHA-256 of its wheels for Linux with glibc, on amd64 and arm64. */
export const UV_SHA256: readonly string[] = [
  "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
  "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
  "ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375",
];
/** As pip takes it from a file of requirements. */
export const UV_REQUIREMENT = [`uv==${UV}`, ...UV_SHA256.map((hash) => `--hash=sha256:${hash}`)].join(" ");

/** Debian's release inside the base image, when that has to be made here. */
export const DEBIAN = "bookworm";
/** Node and npm inside the base image, when that has to be made here. */
// renovate: datasource=npm depName=node
export const IMAGE_NODE = "22.23.3";
// renovate: datasource=npm depName=npm
export const IMAGE_NPM = "10.9.9";

/**
 * What the images above are, by digest: what `npm run versions -- images` prints, and with `--write` puts here. On a droplet, and where an image
 * is pulled here, the digest counts and not what its tag leads to by then. These were written where no registry is reached: they are what many public
 * repositories pin for these tags (2026-11-30), and each names an image of its own repository or none. A tag without a digest counts itself; a digest whose tag is no
 * longer used fails a test, since a registry would ignore the tag.
 */
export const IMAGE_DIGESTS: Readonly<Record<string, string>> = {
  "node:22-bookworm-slim": "sha256:43ac6c60b8f89723f746e8a92ce91abd5017e627ce1ddfe4238355d3a30b772c",
  "traefik:v3.6.12": "sha256:171c9c3565b29f6c133f1c1b43c5d4e5853415198e9e1078c001f8702ff66aec",
  "cloudflare/cloudflared:2026.8.2":
    "sha256:0aa26e284f05e6c77ae375b8c9c11d9eb6a448fb7bcd8d40f31cb6176189eb38",
};

/** An image with the digest that is pinned for its tag: `traefik:v3.6@sha256:…`; as it is where none is. */
export function withDigest(
  image: string,
  digests: Readonly<Record<string, string | undefined>> = IMAGE_DIGESTS,
): string {
  const digest = Object.hasOwn(digests, image) ? digests[image] : undefined;
  return digest ? `${image}@${digest}` : image;
}

/** Docker Compose, which the figures of lab/bench compare the platform with. */
// renovate: datasource=github-releases depName=docker/compose
export const COMPOSE = "2.40.3";

/** The oldest Docker Engine that the platform is tested with. */
export const DOCKER_OLDEST = "20.10";
/** The oldest Node that runs the program. */
export const NODE_OLDEST = "24";
/** The oldest Go that builds the recipes of lab/build/go. */
export const GO_OLDEST = "1.21";
