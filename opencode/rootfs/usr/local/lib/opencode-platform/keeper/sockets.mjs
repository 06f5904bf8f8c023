// What waits in the sockets of a container, from its network's tables in /proc: what came in while it was paused, nobody has read.

const ESTABLISHED = "01";
const CLOSE_WAIT = "08";
const LISTEN = "0A";

/**
 * @typedef {{state: string, port: number, remote: string, unsent: number, unread: number}} Socket
 * @param {string} text /proc/<pid>/net/tcp or tcp6
 * @returns {Socket[]}
 */
export function parseSockets(text) {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [, local, remote, state, queues] = line.trim().split(/\s+/);
      if (!local || !remote || !state || !queues) return [];
      const [unsent = "0", unread = "0"] = queues.split(":");
      const port = Number.parseInt(local.slice(local.lastIndexOf(":") + 1), 16);
      const address = remote.slice(0, remote.lastIndexOf(":"));
      return [
        {
          state,
          port,
          remote: address,
          unsent: Number.parseInt(unsent, 16),
          unread: Number.parseInt(unread, 16),
        },
      ];
    });
}

/** 127.0.0.0/8, ::1 and ::ffff:127.0.0.0/104, as the kernel writes them: little-endian words. */
const isLoopback = (address) =>
  /^[0-9A-F]{6}7F$/.test(address) ||
  address === "00000000000000000000000001000000" ||
  /^0000000000000000FFFF0000[0-9A-F]{6}7F$/.test(address);

/**
 * What waits at the ports that the container listens on, from outside of it. The queue of a listening port is of connections that nobody has taken.
 * Of its connections to others nobody waits for an answer, and a connection that was closed by its client has one byte more than was sent.
 * @param {Socket[]} sockets
 * @param {readonly number[]} [except] ports whose connections are not looked at, but new ones are
 */
export function waiting(sockets, except = []) {
  const listening = new Set(sockets.filter(({ state }) => state === LISTEN).map(({ port }) => port));
  let [unread, unsent, connections] = [0, 0, 0];
  for (const socket of sockets) {
    if (socket.state === LISTEN) connections += socket.unread;
    if (!listening.has(socket.port) || isLoopback(socket.remote) || except.includes(socket.port)) continue;
    if (socket.state === ESTABLISHED) unread += socket.unread;
    if (socket.state === CLOSE_WAIT) unread += Math.max(0, socket.unread - 1);
    if (socket.state === ESTABLISHED || socket.state === CLOSE_WAIT) unsent += socket.unsent;
  }
  return { unread, unsent, connections };
}
