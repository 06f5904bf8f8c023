/** Every version that the toolchain pins, in one place. */

/** The Pulumi CLI. */
export const PULUMI = "3.274.1";
/**
 * The oldest Pulumi CLI that is used when it is already on the machine: the first that sends an update's events to the Automation API over a
 * connection. Older ones write them to a file, with the secrets in them.
 */
export const PULUMI_OLDEST = "3.206.0";
/** The gateway. */
export const TRAEFIK = "3.6.12";
export const TRAEFIK_IMAGE = `traefik:v${TRAEFIK}`;
/** What opencode's image is built from. */
export const BASE_IMAGE = "node:22-bookworm-slim";
/** Debian's release inside the base image, when it has to be made here. */
export const DEBIAN = "bookworm";
/** Node and npm inside the base image, when it has to be made here (packages of the npm registry). */
export const IMAGE_NODE = "22.23.3";
export const IMAGE_NPM = "10.9.9";
/** The oldest Docker Engine that the platform is tested with. */
export const DOCKER_OLDEST = "20.10";
