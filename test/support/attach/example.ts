import type { Cloudflared } from "../../../attach/src/cloudflared.ts";
import { PersonalToken, serviceToken } from "../../../attach/src/credentials.ts";
import type { UserError } from "../../../attach/src/errors.ts";
import { LocalProxy } from "../../../attach/src/proxy.ts";
import { makeAgent } from "../../../attach/src/upstream.ts";
import { type Example, SITE } from "../../../lab/clouds/cloudflare/example/index.ts";
import type { OpencodeApi } from "../../../opencode/api/index.ts";
import { v1 } from "./releases.ts";

/** A stand-in cloudflared whose logins always get a new token. */
export class Person implements Cloudflared {
  logins = 0;
  token: string | undefined;
  readonly #sign: () => Promise<string | undefined>;

  constructor(sign: () => Promise<string | undefined>) {
    this.#sign = sign;
  }

  async storedToken(): Promise<string | undefined> {
    return this.token;
  }

  async login(): Promise<string | undefined> {
    this.logins++;
    this.token = await this.#sign();
    return this.token;
  }
}

export interface Opened {
  readonly proxy: LocalProxy;
  readonly problems: UserError[];
  /** `fetch` through the proxy with its password. */
  ask(path: string, init?: RequestInit): Promise<Response>;
}

export const connectionTo = ({ cloudflare, network }: Example) => ({
  lookup: cloudflare.edge.lookup,
  ca: network.ca,
});

/** URL of a hostname at the stand-in edge. */
export const urlAt = (example: Example, hostname = SITE): URL =>
  new URL(`https://${hostname}:${example.cloudflare.edge.httpsPort}/`);

/** Starts a proxy to the example's site, for a person or with its service token. @param api of the site's release */
export async function openProxy(
  example: Example,
  person?: Person,
  machine = example.machine,
  api: OpencodeApi = v1,
): Promise<Opened> {
  const target = urlAt(example);
  const env = {
    CF_ACCESS_CLIENT_ID: machine["CF-Access-Client-Id"],
    CF_ACCESS_CLIENT_SECRET: machine["CF-Access-Client-Secret"],
  };
  const credentials = person ? new PersonalToken(person, target) : serviceToken(env);
  if (!credentials) throw new Error("no credentials");
  const problems: UserError[] = [];
  const agent = makeAgent(target, connectionTo(example));
  const proxy = new LocalProxy({
    target,
    api,
    agent,
    credentials,
    onError: (problem) => void problems.push(problem),
  });
  await proxy.listen();
  const authorization = api.authorization(proxy.guard.secret);
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(proxy.url + path, { redirect: "manual", ...init, headers: { authorization, ...init.headers } });
  return { proxy, problems, ask };
}
