import { describe, expect, it } from "vitest";
import { guardScript } from "../../components/host/guard.ts";
import { projectNetwork } from "../../components/host/network.ts";
import { dropletRules, packetRules } from "../../components/host/packet-rules.ts";
import { makeNames } from "../../config/naming/names.ts";
import { readAllow } from "../../config/projects/destinations.ts";
import { proxyEndpoints } from "../../config/stack/company/proxy.ts";

const names = makeNames("my-team");
const entry = (name: string, ...allow: string[]) => ({ name, network: { allow: readAllow(allow) } });

/** Rules of one chain. */
function chain(text: string, name: string): string[] {
  const body = new RegExp(`chain ${name} \\{\n([^}]*(?:\\{[^}]*\\}[^}]*)*?)\n  \\}`).exec(text)?.[1];
  if (body === undefined) throw new Error(`no chain ${name} in\n${text}`);
  return body.split("\n").map((line) => line.trim());
}

const LOCAL = "fib daddr type { local, broadcast, anycast, multicast } return";

describe("packet rules", () => {
  it("replace the stack's table as a whole, whether there is one or not", () => {
    const text = packetRules(names, []);
    expect(text.split("\n").slice(0, 3)).toEqual([
      "table inet opencode_my_team",
      "delete table inet opencode_my_team",
      "table inet opencode_my_team {",
    ]);
    expect(text.match(/^table inet/gm)).toHaveLength(2);
  });

  it("refuse whatever no rule allows, also of a project that they don't know", () => {
    const text = packetRules(names, []);
    expect(chain(text, "from_project").at(-1)).toBe("reject with icmpx admin-prohibited");
    expect(chain(text, "from_project").at(-2)).toBe("iifname vmap @projects");
    expect(text).toContain("map projects { type ifname : verdict; }");
    expect(chain(text, "prerouting")).toEqual([
      "type filter hook prerouting priority mangle; policy accept;",
      `iifname "${names.bridgePrefix}*" goto from_project`,
    ]);
  });

  it("know a project by its own network's interface, whose name Linux takes", () => {
    const text = packetRules(names, [entry("web-shop", "internet")]);
    const bridge = names.projectBridge("web-shop");
    expect(bridge).toMatch(/^br-p[0-9a-z]{11}$/);
    expect(bridge.startsWith(names.bridgePrefix)).toBe(true);
    expect(bridge).not.toBe(names.projectBridge("web-shop2"));
    expect(names.bridgePrefix).not.toBe(makeNames("my-team2").bridgePrefix);
    expect(text).toContain(`elements = { "${bridge}" : jump project_web_shop };`);
    expect(projectNetwork(names, "web-shop")).toMatchObject({
      name: "my-team-network-web-shop",
      options: { "com.docker.network.bridge.name": bridge },
    });
  });

  it("allow the company's proxy, exactly, to whoever is allowed the internet", () => {
    const proxies = proxyEndpoints({
      http: "http://172.17.0.1:3128",
      https: "http://[fd00::9]:8080",
      no: [],
    });
    const text = packetRules(names, [entry("a", "internet"), entry("b", "host:80")], proxies);
    expect(chain(text, "project_a").slice(0, 3)).toEqual([
      "ip daddr 172.17.0.1 tcp dport 3128 accept",
      "ip6 daddr fd00::9 tcp dport 8080 accept",
      LOCAL,
    ]);
    expect(chain(text, "project_b").join("\n")).not.toContain("3128");
    const byName = proxyEndpoints({ https: "http://proxy.corp:3128", no: [] });
    expect(packetRules(names, [entry("a", "internet")], byName)).toBe(
      packetRules(names, [entry("a", "internet")]),
    );
  });

  it("allow the internet without private, link-local and reserved addresses, of both versions of IP", () => {
    const text = packetRules(names, [entry("a", "internet")]);
    expect(chain(text, "project_a")).toEqual([
      LOCAL,
      "ip daddr != @special4 accept",
      "ip6 daddr != @special6 accept",
    ]);
    for (const network of [
      "10.0.0.0/8",
      "172.16.0.0/12",
      "192.168.0.0/16",
      "169.254.0.0/16",
      "100.64.0.0/10",
    ])
      expect(text).toMatch(new RegExp(`set special4 .*\\b${network.replaceAll(".", "\\.")}`));
    for (const network of ["fc00::/7", "fe80::/10", "::ffff:0:0/96"])
      expect(text).toMatch(new RegExp(`set special6 .* ${network}`));
  });

  it("allow what is named, and a named network never has the host in it", () => {
    const text = packetRules(names, [
      entry("a", "host:11434", "host:3128", "192.168.1.0/24", "10.0.0.7:443", "[fd00::20]:8080"),
      entry("b"),
    ]);
    expect(chain(text, "project_a")).toEqual([
      "fib daddr type local meta l4proto { 6, 17 } th dport { 11434, 3128 } accept",
      LOCAL,
      "ip daddr 10.0.0.7/32 meta l4proto { 6, 17 } th dport 443 accept",
      "ip daddr 192.168.1.0/24 accept",
      "ip6 daddr fd00::20/128 meta l4proto { 6, 17 } th dport 8080 accept",
    ]);
    expect(chain(text, "project_b")).toEqual([LOCAL]);
  });

  it("let a project's services reach each other and the project, and nothing that leaves their network", () => {
    const services = [{ name: "db" }] as never;
    const text = packetRules(names, [{ ...entry("web-shop", "internet"), services }, entry("b")]);
    const bridge = names.servicesBridge("web-shop");
    expect(chain(text, "services_web_shop")).toEqual([
      "fib daddr type { local, broadcast, anycast, multicast } reject with icmpx admin-prohibited",
      `fib daddr oifname "${bridge}" accept`,
      "reject with icmpx admin-prohibited",
    ]);
    const from = chain(text, "from_project");
    const own = from.indexOf(`iifname "${bridge}" goto services_web_shop`);
    expect(own).toBeGreaterThan(0);
    // Not even nameservers.
    expect(own).toBeLessThan(from.findIndex((rule) => rule.includes("@dns4")));
    expect(text).toContain(`elements = { "${names.projectBridge("b")}" : jump project_b`);
    expect(packetRules(names, [entry("web-shop")])).not.toContain("services");
  });

  it("are the same whatever the order of entries and destinations", () => {
    const [a, b] = [entry("a", "internet", "host:1"), entry("b", "host:2")];
    expect(packetRules(names, [b, entry("a", "host:1", "internet")])).toBe(packetRules(names, [a, b]));
  });

  it("on a droplet are closed before Docker starts, whoever the container is", () => {
    const text = dropletRules(names);
    expect(chain(text, "from_container")[0]).toBe("ip daddr 169.254.0.0/16 drop");
    expect(chain(text, "from_container").at(-1)).toBe(
      "fib daddr type local reject with icmpx admin-prohibited",
    );
    expect(text).toContain('iifname "docker0" goto from_container');
    expect(text).toContain('iifname "br-*" goto from_container');
    expect(text.endsWith(packetRules(names, []))).toBe(true);
  });
});

describe("the command that puts them in force", () => {
  it("fails on a droplet where they can't be, and elsewhere leaves saying so to doctor and npm start", () => {
    const last = (isNeeded: boolean) =>
      guardScript({ guard: "oc-guard" }, "/srv/it's", isNeeded).create.split("\n").at(-1);
    expect(last(true)).toBe("docker exec oc-guard /usr/local/lib/opencode-platform/guard check >&2");
    expect(last(false)).toBe("docker exec oc-guard /usr/local/lib/opencode-platform/guard check >&2 || :");
  });
});
