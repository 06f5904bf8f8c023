import { expect, it } from "vitest";
import { imageOnDroplet } from "../../config/images.ts";
import { IMAGE_DIGESTS, withDigest } from "../../config/versions.ts";
import { PINNED_IMAGES } from "../../operate/versions/images.ts";

const digests = { "traefik:v1": "sha256:abc" };

it("an image has the digest that is pinned for its very tag", () => {
  expect(withDigest("traefik:v1", digests)).toBe("traefik:v1@sha256:abc");
  expect(withDigest("traefik:v2", digests)).toBe("traefik:v2");
  expect(withDigest("mine/node@sha256:def", digests)).toBe("mine/node@sha256:def");
  expect(withDigest("constructor", digests)).toBe("constructor");
});

it("a droplet in a real cloud takes it by that digest, and the tests' own by its tag", () => {
  const tests = {
    "digitalocean:apiEndpoint": "http://127.0.0.1:1",
    "cloudflare:baseUrl": "http://198.18.0.1",
  };
  expect(imageOnDroplet("traefik:v1", {}, {}, digests)).toBe("traefik:v1@sha256:abc");
  expect(imageOnDroplet("traefik:v1", tests, {}, digests)).toBe("traefik:v1");
});

it("only tags in use have a digest: another one's would be pulled whatever the tag says", () => {
  expect(PINNED_IMAGES).toEqual(expect.arrayContaining(Object.keys(IMAGE_DIGESTS)));
  for (const digest of Object.values(IMAGE_DIGESTS)) expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
});
