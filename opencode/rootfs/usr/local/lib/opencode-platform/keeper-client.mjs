// What the waker asks the platform's keeper, over the socket that the two of them share. Nothing of a person's request goes there but the name of a project.
import { request as send } from "node:http";

/** Enough for a list of projects and a sentence; the keeper says no more. */
const MAX_BYTES = 1_000_000;

/** The keeper is not there, or does not answer in time: it may be restarting. */
export class NoKeeper extends Error {}

/**
 * @param {string} socketPath
 * @returns {(method: string, path: string, options: {timeout: number, signal?: AbortSignal}) => Promise<{status: number, body: any}>}
 * its answer; throws NoKeeper where there is none within so many milliseconds
 */
export const askKeeper =
  (socketPath) =>
  (method, path, { timeout, signal }) =>
    new Promise((resolve, reject) => {
      const fail = (error) => reject(new NoKeeper("the keeper does not answer", { cause: error }));
      const limit = AbortSignal.timeout(Math.max(1, timeout));
      const sent = send(
        { socketPath, method, path, agent: false, signal: signal ? AbortSignal.any([limit, signal]) : limit },
        (answer) => {
          let text = "";
          answer.setEncoding("utf8");
          answer.on("data", (part) => {
            text += part;
            if (text.length > MAX_BYTES) sent.destroy();
          });
          answer.on("error", fail);
          answer.on("close", () => fail(new Error("cut")));
          answer.on("end", () => {
            try {
              resolve({ status: answer.statusCode, body: text === "" ? {} : JSON.parse(text) });
            } catch (error) {
              fail(error);
            }
          });
        },
      );
      sent.on("error", fail);
      sent.end();
    });
