import type { Cloudflare } from "../../../lab/clouds/cloudflare/index.ts";

const COOKIE = "CF_Authorization";

/** Logs in at an application with Google, as a browser does; returns the token. Throws if Access refuses. */
export async function logIn(cloudflare: Cloudflare, url: string, email: string): Promise<string> {
  const visitor = cloudflare.edge.visitor();
  const { hostname } = new URL(url);
  const choice = await visitor.visit(`https://${hostname}/cdn-cgi/`);
  const [, start] = /<a href="([^"]+)">Sign in with Google/.exec(await choice.response.text()) ?? [];
  if (!start) throw new Error(`${hostname} shows no login`);
  const form = await visitor.visit(`https://${cloudflare.teamDomain}${start.replaceAll("&amp;", "&")}`);
  const { response } = await visitor.submit({ url: form.url, html: await form.response.text() }, { email });
  await response.body?.cancel();
  const token = visitor.cookie(hostname, COOKIE);
  if (!token) throw new Error(`${email} is not admitted (${response.status})`);
  return token;
}
