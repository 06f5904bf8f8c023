/** The API without machines: fast, for tests of the API itself. */
import { setImmediate } from "node:timers/promises";
import { Faults } from "../faults.ts";
import { type Api, makeApp } from "./api.ts";
import type { Machines } from "./machines.ts";
import { PLATFORM_SCOPES } from "./scopes.ts";
import { World } from "./world.ts";

const nothing = async (): Promise<void> => {};

/** Fake machines that record their calls in `done`. */
function paperMachines(done: string[]): Machines {
  let last = 9;
  const note = (what: string) => async (): Promise<void> => {
    await setImmediate();
    done.push(what);
  };
  return {
    place: async () => ({ ip: `198.18.0.${++last}`, gateway: "198.18.0.1", netmask: "255.255.255.0" }),
    create: note("create"),
    powerOn: note("powerOn"),
    powerOff: note("powerOff"),
    shutdown: note("shutdown"),
    destroy: note("destroy"),
    makeVolume: note("makeVolume"),
    growVolume: note("growVolume"),
    removeVolume: note("removeVolume"),
    attach: note("attach"),
    detach: note("detach"),
    makeSnapshot: note("makeSnapshot"),
    removeSnapshot: note("removeSnapshot"),
    enforce: nothing,
  };
}

export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
}

export interface PaperApi extends Api {
  /** Calls of the machines. */
  done: string[];
  ask<T = unknown>(method: string, path: string, body?: object, token?: string): Promise<Answer<T>>;
}

/** @param scopes of the token `token` */
export function paperApi(token: string, scopes: readonly string[] = PLATFORM_SCOPES): PaperApi {
  const done: string[] = [];
  const api: Api = {
    world: new World(),
    machines: paperMachines(done),
    faults: new Faults(),
    tokens: { [token]: scopes },
    requests: [],
    violations: [],
    missingScopes: new Set(),
  };
  const app = makeApp(api);
  const ask = async <T>(method: string, path: string, body?: object, as = token): Promise<Answer<T>> => {
    const headers = { authorization: `Bearer ${as}`, "content-type": "application/json" };
    const response = await app.request(`http://api.standin${path}`, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text ? JSON.parse(text) : undefined) as T,
    };
  };
  return Object.assign(api, { done, ask });
}
