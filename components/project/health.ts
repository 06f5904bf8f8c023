/**
 * The health check of a project's container. Traefik takes a project's route away when the check has failed so often that Docker calls it
 * unhealthy, so being slow must not be enough.
 *
 * Measured with a quarter of a CPU and eight programs of the project's own that never stop: the check took 2 to 6 s, a page 0.1 to 2 s, and the
 * first request of an instance 11 s; three missed checks of 5 s made it unhealthy. The image's script gives opencode 24 s of the 30.
 *
 * So a server that refuses connections is unhealthy after 20 s, one that hangs after two minutes. Checks begin soon after each other, since a
 * project that has just started gets its requests with the first that succeeds.
 */
export const HEALTH_CHECK = {
  tests: ["CMD", "/usr/local/lib/opencode-platform/health"],
  interval: "5s",
  timeout: "30s",
  // Pulling a big repository and starting 50 at once both take a while; failures in this time do not count.
  startPeriod: "2m0s",
  retries: 4,
};
