/** Length of the scheduler's period, in microseconds: Docker's own default. */
const CPU_PERIOD = 100_000;

/**
 * A limit of processors. Said as a share of a period, because the provider writes `cpus` back in another form than it was given (`1`
 * as `1.0`, `10` as `10.`) and then replaces the container at every update.
 */
export const cpuLimit = (cpus: number) => ({
  cpuPeriod: CPU_PERIOD,
  cpuQuota: Math.round(cpus * CPU_PERIOD),
});
