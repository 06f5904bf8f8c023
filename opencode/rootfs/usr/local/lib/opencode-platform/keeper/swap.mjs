// The memory of a project that has fallen asleep goes to swap, where there is one.

const MIB = 2 ** 20;
const mib = (value) => `${Math.round(value / MIB)} MiB`;

/** @param {{world: import("./transitions.mjs").World, history: ReturnType<typeof import("./history.mjs").makeHistory>}} parts */
export const makeSwapOut =
  ({ world, history }) =>
  /** Out of RAM with it, unless somebody asks for it. @param {import("./entry.mjs").Entry} entry */
  async (entry) => {
    const isWanted = () => entry.state === "asleep" && !entry.isAsked;
    let problem = "there is no swap";
    const bytes = await world.toSwap(entry.container, isWanted).catch((error) => {
      problem = error.message;
    });
    const text = bytes ? `${mib(bytes.ram)} in RAM, ${mib(bytes.swap)} in swap` : `paused only: ${problem}`;
    history.add(entry.project, "asleep", text);
    entry.figures = bytes;
  };
