import type { LoadOptions } from "../../../config/projects/load.ts";

/** An invalid projects.yaml and its problems. */
export interface Broken {
  readonly title: string;
  readonly text: string;
  /** Differences from the context of the other files. */
  readonly world?: Partial<LoadOptions>;
  readonly messages: readonly string[];
}

/** What `npm run devcontainer` has written of a repository. */
const lockText = (more: object) =>
  JSON.stringify({
    version: 1,
    repo: "https://github.com/acme/api",
    devcontainer: true,
    commit: "a".repeat(40),
    file: ".devcontainer/devcontainer.json",
    digest: `sha256:${"b".repeat(64)}`,
    built: "0123456789ab",
    ...more,
  });
const LOCKS: Readonly<Record<string, string>> = {
  broken: "{",
  shop: lockText({ ports: [3000], requires: { memory: "8GiB", cpus: 4 } }),
  future: lockText({ version: 2 }),
  nothing: lockText({ built: undefined }),
};

export const broken: readonly Broken[] = [
  {
    title: "an empty file",
    text: "",
    messages: ["projects.yaml:1:1: is empty — start with projects: and one entry per project"],
  },
  {
    title: "only comments",
    text: `# nothing yet
`,
    messages: ["projects.yaml:1:1: is empty — start with projects: and one entry per project"],
  },
  {
    title: "a list at the top level",
    text: `- name: shop
`,
    messages: [
      "projects.yaml:1:1: is not a map (key: value) — start with projects: and one entry per project",
    ],
  },
  {
    title: "plain text",
    text: `hello
`,
    messages: [
      "projects.yaml:1:1: is not a map (key: value) — start with projects: and one entry per project",
    ],
  },
  {
    title: "a NUL byte",
    text: "projects:\n  - name: sh\u0000op\n",
    messages: ["projects.yaml:2:13: contains the control character U+0000, which YAML does not allow"],
  },
  {
    title: "an escaped NUL",
    text: `projects:
  - name: shop
    env: { A: "x\\0y" }
`,
    messages: ["projects.yaml:3:15 projects[0].env.A: has the character U+0000 in it"],
  },
  {
    title: "tabs",
    text: `projects:
\t- name: shop
`,
    messages: ["projects.yaml:2:1: is indented with a tab: YAML takes spaces only"],
  },
  {
    title: "two documents",
    text: `projects: []
---
projects: []
`,
    messages: ["projects.yaml:2:1: starts a second document (---): keep everything in one"],
  },
  {
    title: "an unclosed bracket",
    text: `projects: [
`,
    messages: ["projects.yaml:2:1: has an unclosed bracket: missing ]"],
  },
  {
    title: "an unclosed quote",
    text: `projects:
  - name: "shop
`,
    messages: ["projects.yaml:3:1: has an unclosed quote"],
  },
  {
    title: "wrong indentation",
    text: `projects:
  - name: shop
   state: running
`,
    messages: ["projects.yaml:3:1: is indented like a list item but has no -: line it up with the key above"],
  },
  {
    title: "a colon in a plain text",
    text: `projects:
  - name: shop: two
`,
    messages: [
      "projects.yaml:2:11: has a second colon, or is indented too far: text with a colon and a space goes in quotes",
    ],
  },
  {
    title: "an undefined alias",
    text: `defaults: *base
projects: []
`,
    messages: ["projects.yaml:1:11 defaults: *base refers to &base, which is not defined above"],
  },
  {
    title: "an alias inside itself",
    text: `projects: &all
  - *all
`,
    messages: ["projects.yaml:2:5 projects[0]: *all refers to itself"],
  },
  {
    title: "an alias bomb",
    text: `defaults:
  opencode:
    config:
      a: &a [x, x, x, x, x, x, x, x, x, x]
      b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
      c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
      d: [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
projects: []
`,
    messages: [
      "projects.yaml:5:18 defaults.opencode.config.c[8][1]: exceeds the limit of 100 aliases — put what projects share under defaults",
    ],
  },
  {
    title: "a merge key",
    text: `projects:
  - &base
    name: shop
  - <<: *base
    name: blog
`,
    messages: [
      'projects.yaml:4:5 projects[1]["<<"]: merge keys are not supported: put shared values under defaults',
    ],
  },
  {
    title: "a duplicate key",
    text: `projects:
  - name: shop
    state: running
    state: stopped
`,
    messages: ["projects.yaml:4:5 projects[0].state: is defined twice — keep one of the two"],
  },
  {
    title: "a map as a key",
    text: `? { a: b }
: c
projects: []
`,
    messages: ["projects.yaml:1:3: has a key that is not plain text"],
  },
  {
    title: "__proto__",
    text: `projects:
  - name: shop
    opencode: { config: { __proto__: { admin: true } } }
`,
    messages: ["projects.yaml:3:27 projects[0].opencode.config.__proto__: is not an allowed key"],
  },
  {
    title: "a tag",
    text: `projects:
  - name: shop
    branch: !!binary bWFpbg==
`,
    messages: [
      "projects.yaml:3:22 projects[0].branch: has the tag !!binary, which is not used here — remove it",
    ],
  },
  {
    title: "a custom tag",
    text: `projects:
  - name: shop
    branch: !env BRANCH
`,
    messages: ["projects.yaml:3:13: has an unsupported tag (!…): remove it"],
  },
  {
    title: "YAML 1.1",
    text: `%YAML 1.1
---
projects: []
`,
    messages: ["projects.yaml:1:1: must be YAML 1.2 — remove the %YAML line"],
  },
  {
    title: "depth 60",
    text: `defaults: { opencode: { config: { command: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]] } } }
projects: []
`,
    messages: [
      "projects.yaml:1:44 defaults.opencode.config.command: a list is not a map (key: value)",
      "projects.yaml:1:65 defaults.opencode.config.command[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: is more than 24 levels deep",
    ],
  },
  {
    title: "a huge number",
    text: `projects:
  - name: shop
    opencode: { config: { big: 12345678901234567890 } }
`,
    messages: [
      "projects.yaml:3:32 projects[0].opencode.config.big: 12345678901234567890 is too large to be exact — put it in quotes",
    ],
  },
  {
    title: "infinity",
    text: `projects:
  - name: shop
    resources: { cpus: .inf }
`,
    messages: ["projects.yaml:3:24 projects[0].resources.cpus: .inf is not a number that can be used"],
  },
  {
    title: "no projects",
    text: `limits: { maxProjects: 3 }
`,
    messages: ["projects.yaml:1:1 projects: is required: use projects: [] for none"],
  },
  {
    title: "projects without a value",
    text: `projects:
`,
    messages: ["projects.yaml:1:1 projects: has no value: write projects: [] for none"],
  },
  {
    title: "projects as a map",
    text: `projects:
  shop: { memory: 1GiB }
`,
    messages: ["projects.yaml:2:3 projects: must be a list, not a map: start each entry with - name:"],
  },
  {
    title: "an unknown key at the top level",
    text: `project: []
projects: []
`,
    messages: ["projects.yaml:1:1 project: is not a valid key here; did you mean projects?"],
  },
  {
    title: "an empty entry",
    text: `projects:
  -
`,
    messages: ["projects.yaml:2:4 projects[0]: is empty: set a value, or remove it"],
  },
  {
    title: "an entry that is text",
    text: `projects:
  - shop
`,
    messages: ['projects.yaml:2:5 projects[0]: "shop" is not an entry: use name: shop'],
  },
  {
    title: "too many projects",
    text: `limits: { maxProjects: 2 }
projects:
  - name: one
  - name: two
  - name: three
`,
    messages: [
      "projects.yaml:5:5 projects[2]: exceeds limits.maxProjects (2): there are 3 projects — remove some, or raise limits.maxProjects",
    ],
  },
  {
    title: "a limit of 0",
    text: `limits: { maxProjects: 0 }
projects: []
`,
    messages: ["projects.yaml:1:24 limits.maxProjects: 0 is too small: 1 or more"],
  },
  {
    title: "no name",
    text: `projects:
  - state: running
`,
    messages: ["projects.yaml:2:5 projects[0].name: is missing"],
  },
  {
    title: "a name with capitals and a space",
    text: `projects:
  - name: Web Shop
`,
    messages: [
      'projects.yaml:2:11 projects[0].name: "Web Shop" is not a valid project name: 1 to 32 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen (e.g. web-shop)',
    ],
  },
  {
    title: "a numeric name",
    text: `projects:
  - name: 42
`,
    messages: [
      "projects.yaml:2:11 projects[0].name: 42 is not a valid project name: 1 to 32 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen",
    ],
  },
  {
    title: "a name of 33 characters",
    text: `projects:
  - name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
`,
    messages: [
      'projects.yaml:2:11 projects[0].name: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" is not a valid project name: 1 to 32 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen (e.g. aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)',
    ],
  },
  {
    title: "a name that ends in a hyphen",
    text: `projects:
  - name: shop-
`,
    messages: [
      'projects.yaml:2:11 projects[0].name: "shop-" is not a valid project name: 1 to 32 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen (e.g. shop)',
    ],
  },
  {
    title: "a reserved name",
    text: `projects:
  - name: traefik
`,
    messages: ['projects.yaml:2:11 projects[0].name: "traefik" is reserved: the gateway\'s own name'],
  },
  {
    title: "an encoded hostname",
    text: `projects:
  - name: xn--shop
`,
    messages: [
      'projects.yaml:2:11 projects[0].name: "xn--shop" is reserved: browsers read a hostname that starts with xn-- as an encoded one',
    ],
  },
  {
    title: "a duplicate name",
    text: `projects:
  - name: shop
  - name: blog
  - name: shop
`,
    messages: ['projects.yaml:4:11 projects[2].name: "shop" is already used by projects[0] in line 2'],
  },
  {
    title: "a misspelt key",
    text: `projects:
  - name: shop
    sate: stopped
`,
    messages: ["projects.yaml:3:5 projects[0].sate: is not a valid key here; did you mean state?"],
  },
  {
    title: "a key one level too high",
    text: `projects:
  - name: shop
    memory: 1GiB
`,
    messages: [
      "projects.yaml:3:5 projects[0].memory: is not a valid key here; did you mean resources.memory?",
    ],
  },
  {
    title: "a key of another tool",
    text: `projects:
  - name: shop
    volumes: [a]
    environment: { A: b }
    baseImage: node:22
    build: .
`,
    messages: [
      "projects.yaml:3:5 projects[0].volumes: is not a valid key here: each project has one persistent workspace",
      "projects.yaml:4:5 projects[0].environment: is not a valid key here; did you mean env?",
      "projects.yaml:5:5 projects[0].baseImage: is not a valid key here; did you mean image?",
      "projects.yaml:6:5 projects[0].build: is not a valid key here: write image: for an image to build on, and packages: for what is added",
    ],
  },
  {
    title: "an environment that can't be built",
    text: `defaults:
  image: Python:3
  packages: [git lfs]
projects:
  - name: shop
    image: 3.13
    packages: golang
  - name: store
    image: "python:3.13 --privileged"
    packages: [golang, php=8.2, -y, g++, golang, 7, "libssl-"]
  - name: web
    packages: [Golang]
`,
    messages: [
      'projects.yaml:2:10 defaults.image: "Python:3" is not an image reference (e.g. python:3.13-bookworm, golang:1.25)',
      'projects.yaml:3:14 defaults.packages[0]: "git lfs" is not the name of a package: write it without a version or options (e.g. golang, default-jdk-headless)',
      "projects.yaml:6:12 projects[0].image: 3.13 is not an image reference (e.g. python:3.13-bookworm, golang:1.25)",
      'projects.yaml:7:15 projects[0].packages: "golang" is not a list: write [golang]',
      'projects.yaml:9:12 projects[1].image: "python:3.13 --privileged" is not an image reference (e.g. python:3.13-bookworm, golang:1.25)',
      'projects.yaml:10:24 projects[1].packages[1]: "php=8.2" is not the name of a package: write it without a version or options (e.g. golang, default-jdk-headless)',
      'projects.yaml:10:33 projects[1].packages[2]: "-y" is not the name of a package: write it without a version or options (e.g. golang, default-jdk-headless)',
      'projects.yaml:10:42 projects[1].packages[4]: "golang" is listed twice',
      "projects.yaml:10:50 projects[1].packages[5]: 7 is not the name of a package: write it without a version or options (e.g. golang, default-jdk-headless)",
      'projects.yaml:10:53 projects[1].packages[6]: "libssl-" is not the name of a package: write it without a version or options (e.g. golang, default-jdk-headless)',
    ],
  },
  {
    title: "packages that Debian can't have, and too many",
    text: `projects:
  - name: web
    packages: [Golang]
  - name: fedora
    image: fedora:43
    packages: [python3-PyYAML]
  - name: all
    packages: [${Array.from({ length: 51 }, (_, index) => `p${index}`).join(", ")}]
`,
    messages: [
      'projects.yaml:3:16 projects[0].packages[0]: "Golang" is not the name of a package of Debian: lower-case letters, digits, +, - and .',
      "projects.yaml:8:15 projects[2].packages: lists more than 50 packages: use an image that has them",
    ],
  },
  {
    title: "a devcontainer that is none of the repository's, or that nobody has looked at",
    text: `trustedRepos: ["https://github.com/acme/"]
projects:
  - name: none
    devcontainer: true
  - name: both
    repo: https://github.com/acme/both
    image: golang:1.25
    devcontainer: true
  - name: guest
    repo: https://github.com/else/guest
    devcontainer: .devcontainer/go/devcontainer.json
  - name: asks
    repo: https://github.com/acme/asks
    trust: ask
    devcontainer: ../devcontainer.json
  - name: off
    repo: https://github.com/acme/off
    devcontainer: false
  - name: several
    repos: [{ path: api, url: "https://github.com/acme/api" }]
    devcontainer: true
`,
    world: { stack: "prod" },
    messages: [
      "projects.yaml:4:5 projects[0].devcontainer: is of the repository, and the entry has none — add repo, or remove it",
      "projects.yaml:7:12 projects[1].image: is also what devcontainer brings — keep one of the two",
      "projects.yaml:8:19 projects[1].devcontainer: devcontainers/both.json not found: nobody has read it yet — npm run devcontainer -- both --stack prod",
      "projects.yaml:11:19 projects[2].devcontainer: builds what the repository says, as root, before anybody is asked whether it is trusted — add trust: always, or the repository to trustedRepos",
      "projects.yaml:11:19 projects[2].devcontainer: devcontainers/guest.json not found: nobody has read it yet — npm run devcontainer -- guest --stack prod",
      'projects.yaml:15:19 projects[3].devcontainer: "../devcontainer.json" is not a devcontainer.json: write true, or its path in the repository (e.g. .devcontainer/go/devcontainer.json)',
      "projects.yaml:18:19 projects[4].devcontainer: false is not a devcontainer.json: write true, or its path in the repository (e.g. .devcontainer/go/devcontainer.json)",
      "projects.yaml:21:5 projects[5].devcontainer: needs repo: with repos there are several repositories, and none of them is the project's own — write repo in place of repos, or remove it",
    ],
  },
  {
    title: "a devcontainer's file that is stale, broken, or asks for more than there is",
    text: `defaults: { resources: { memory: 4GiB } }
projects:
  - name: moved
    repo: https://github.com/acme/other
    trust: always
    devcontainer: true
  - name: broken
    repo: https://github.com/acme/api
    trust: always
    devcontainer: true
  - name: shop
    repo: https://github.com/acme/api
    trust: always
    devcontainer: true
  - name: branch
    repo: https://github.com/acme/api
    branch: next
    trust: always
    devcontainer: true
  - name: future
    repo: https://github.com/acme/api
    trust: always
    devcontainer: true
  - name: nothing
    repo: https://github.com/acme/api
    trust: always
    devcontainer: true
  - name: shop-3000
`,
    world: { lockOf: (name) => LOCKS[name] ?? lockText({}) },
    messages: [
      "projects.yaml:6:19 projects[0].devcontainer: devcontainers/moved.json is of repo: https://github.com/acme/api — npm run devcontainer -- moved",
      "projects.yaml:10:19 projects[1].devcontainer: devcontainers/broken.json is no JSON — npm run devcontainer -- broken",
      'projects.yaml:11:5 projects[2].ports[0]: has the hostname of the project "shop-3000" (line 28) — give the port another name',
      "projects.yaml:14:19 projects[2].devcontainer: requires 8GiB of memory, and the project has 4GiB — write resources: { memory: 8GiB }",
      "projects.yaml:14:19 projects[2].devcontainer: requires 4 CPUs, and the project has 1 — write resources: { cpus: 4 }",
      "projects.yaml:19:19 projects[3].devcontainer: devcontainers/branch.json is of branch: the repository's own — npm run devcontainer -- branch",
      "projects.yaml:23:19 projects[4].devcontainer: devcontainers/future.json is of the form 2, which this version of the platform does not know — npm run devcontainer -- future",
      "projects.yaml:27:19 projects[5].devcontainer: devcontainers/nothing.json is broken: it has to say either image or built — npm run devcontainer -- nothing",
    ],
  },
  {
    title: "an unknown key",
    text: `projects:
  - name: shop
    quux: 1
`,
    messages: [
      "projects.yaml:3:5 projects[0].quux: is not a valid key here; valid keys: name, repo, branch, depth, repos, trust, state, resources, sleep, backup, checkpoints, image, devcontainer, packages, env, timezone, network, ports, services, setup, secrets, git, opencode, members, machines, owners",
    ],
  },
  {
    title: "destinations that are none",
    text: `defaults:
  network: { allow: [internet, internet, "localhost:11434"] }
projects:
  - name: shop
    network:
      allow:
        - host
        - host:0
        - 10.0.0.1/8
        - 169.254.169.254
        - fe80::1%eth0
        - proxy.corp:3128
        - 0.0.0.0/0
        - 127.0.0.1:80
        - 192.168.1.20:8080
        - 192.168.1.20/32:8080
        - "::ffff:10.0.0.1"
        - 80
  - name: web
    network: internet
`,
    messages: [
      'projects.yaml:2:32 defaults.network.allow[1]: "internet" is listed twice',
      'projects.yaml:2:42 defaults.network.allow[2]: "localhost:11434" is not an address — write host:<port> for a service of the host',
      'projects.yaml:7:11 projects[0].network.allow[0]: "host" names no port — name each service of the host, such as host:11434',
      'projects.yaml:8:11 projects[0].network.allow[1]: "host:0" has no valid port: 1 to 65535 — write internet, host:11434, 192.168.1.20/32:8080 or [fd00::20/128]:8080',
      'projects.yaml:9:11 projects[0].network.allow[2]: "10.0.0.1/8" has host bits set — write 10.0.0.1/32 for that address, or 10.0.0.0/8 for the network',
      `projects.yaml:10:11 projects[0].network.allow[3]: "169.254.169.254" is or has link-local addresses, where clouds give out a machine's credentials — name the private addresses that are needed`,
      'projects.yaml:11:11 projects[0].network.allow[4]: "fe80::1%eth0" is not an address or a network — write internet, host:11434, 192.168.1.20/32:8080 or [fd00::20/128]:8080',
      'projects.yaml:12:11 projects[0].network.allow[5]: "proxy.corp:3128" is a name: packet rules need addresses — write internet, host:11434, 192.168.1.20/32:8080 or [fd00::20/128]:8080',
      'projects.yaml:13:11 projects[0].network.allow[6]: "0.0.0.0/0" is every network — write internet, and each private network by itself',
      `projects.yaml:14:11 projects[0].network.allow[7]: "127.0.0.1:80" is the container's own loopback — write host:<port> for a service of the host`,
      'projects.yaml:16:11 projects[0].network.allow[9]: "192.168.1.20/32:8080" is listed twice',
      `projects.yaml:17:11 projects[0].network.allow[10]: "::ffff:10.0.0.1" is an IPv4 address in IPv6's form — write it as IPv4`,
      "projects.yaml:18:11 projects[0].network.allow[11]: 80 is not a destination: write internet, host:<port>, or a network with or without a port",
      'projects.yaml:20:14 projects[1].network: "internet" is not a map (key: value)',
    ],
  },
  {
    title: "an invalid state",
    text: `projects:
  - name: shop
    state: runing
`,
    messages: [
      'projects.yaml:3:12 projects[0].state: "runing" is not running or stopped; did you mean running?',
    ],
  },
  {
    title: "a boolean state",
    text: `projects:
  - name: shop
    state: on
    depth: true
    repo: https://github.com/example/shop.git
`,
    messages: [
      'projects.yaml:3:12 projects[0].state: "on" is not running or stopped',
      "projects.yaml:4:12 projects[0].depth: true is not a number",
    ],
  },
  {
    title: "a key without a value",
    text: `projects:
  - name: shop
    env:
`,
    messages: ["projects.yaml:3:5 projects[0].env: is empty: set a value, or remove it"],
  },
  {
    title: "a size in bananas",
    text: `projects:
  - name: shop
    resources: { memory: 4 bananas }
`,
    messages: [
      'projects.yaml:3:26 projects[0].resources.memory: "4 bananas" is not a size (e.g. 512MiB, 4GiB)',
    ],
  },
  {
    title: "a size as Docker writes it",
    text: `projects:
  - name: shop
    resources: { memory: 512m }
`,
    messages: [
      'projects.yaml:3:26 projects[0].resources.memory: "512m" is not a size (did you mean 512MiB?)',
    ],
  },
  {
    title: "a size without a unit",
    text: `projects:
  - name: shop
    resources: { memory: 4 }
`,
    messages: ["projects.yaml:3:26 projects[0].resources.memory: 4 is not a size (e.g. 512MiB, 4GiB)"],
  },
  {
    title: "too little memory",
    text: `projects:
  - name: shop
    resources: { memory: 100MiB }
`,
    messages: [
      'projects.yaml:3:26 projects[0].resources.memory: "100MiB" is too little: opencode needs 512MiB or more',
    ],
  },
  {
    title: "more memory than the host has",
    text: `projects:
  - name: shop
    resources: { memory: 64GiB }
`,
    messages: [
      "projects.yaml:3:26 projects[0].resources.memory: 64GiB is more than this machine has (16GiB)",
    ],
  },
  {
    title: "more memory in the defaults than the host has",
    text: `defaults: { resources: { memory: 17GiB, cpus: 9 } }
projects: []
`,
    world: { stack: "prod" },
    messages: [
      "projects.yaml:1:34 defaults.resources.memory: 17GiB is more than the host has (16GiB)",
      "projects.yaml:1:47 defaults.resources.cpus: 9 is more than the host has (8)",
    ],
  },
  {
    title: "a host smaller than the default",
    text: `projects:
  - name: shop
`,
    world: { hostMemoryBytes: 1610612736 },
    messages: [
      "projects.yaml:2:5 projects[0]: gets the default memory; 2GiB is more than this machine has (1.5GiB) — set defaults: { resources: { memory: … } }",
    ],
  },
  {
    title: "more CPUs than the host has",
    text: `projects:
  - name: shop
    resources: { cpus: 8.5 }
`,
    messages: ["projects.yaml:3:24 projects[0].resources.cpus: 8.5 is more than this machine has (8)"],
  },
  {
    title: "CPUs in quotes",
    text: `projects:
  - name: shop
    resources: { cpus: "2" }
`,
    messages: ['projects.yaml:3:24 projects[0].resources.cpus: "2" is not a number: remove the quotes'],
  },
  {
    title: "no CPUs",
    text: `projects:
  - name: shop
    resources: { cpus: 0 }
`,
    messages: ["projects.yaml:3:24 projects[0].resources.cpus: 0 is too small: 0.1 or more"],
  },
  {
    title: "half a process",
    text: `projects:
  - name: shop
    resources: { pids: 99.5 }
`,
    messages: ["projects.yaml:3:24 projects[0].resources.pids: 99.5 is not a whole number"],
  },
  {
    title: "too few processes",
    text: `projects:
  - name: shop
    resources: { pids: 8 }
`,
    messages: ["projects.yaml:3:24 projects[0].resources.pids: 8 is too small: 64 or more"],
  },
  {
    title: "a variable's name with a hyphen",
    text: `projects:
  - name: shop
    env: { LOG-LEVEL: debug }
`,
    messages: [
      'projects.yaml:3:12 projects[0].env.LOG-LEVEL: "LOG-LEVEL" is not a valid variable name: letters, digits and _, not starting with a digit (e.g. LOG_LEVEL)',
    ],
  },
  {
    title: "a reserved variable",
    text: `projects:
  - name: shop
    env: { HOME: /root, OPENCODE_PLATFORM_X: 1 }
`,
    messages: [
      'projects.yaml:3:12 projects[0].env.HOME: "HOME" is reserved: sessions would be lost or misplaced',
      'projects.yaml:3:25 projects[0].env.OPENCODE_PLATFORM_X: "OPENCODE_PLATFORM_X" is reserved: names in OPENCODE_PLATFORM_… are the platform\'s own',
    ],
  },
  {
    title: "a variable without a value",
    text: `projects:
  - name: shop
    env: { DEBUG: }
`,
    messages: ['projects.yaml:3:12 projects[0].env.DEBUG: has no value: for an empty one write ""'],
  },
  {
    title: "a list as a variable's value",
    text: `projects:
  - name: shop
    env: { HOSTS: [a, b] }
`,
    messages: [
      "projects.yaml:3:19 projects[0].env.HOSTS: a list is not the value of a variable: write text, a number, true or false",
    ],
  },
  {
    title: "numbers that would change",
    text: `projects:
  - name: shop
    env: { VERSION: 1.10, MODE: 0644, ON: True, HEX: 0x1F }
`,
    messages: [
      'projects.yaml:3:21 projects[0].env.VERSION: 1.10 would be read as "1.1": quote it',
      'projects.yaml:3:33 projects[0].env.MODE: 0644 would be read as "644": quote it',
      'projects.yaml:3:43 projects[0].env.ON: True would be read as "true": quote it',
      'projects.yaml:3:54 projects[0].env.HEX: 0x1F would be read as "31": quote it',
    ],
  },
  {
    title: "a secret without a value",
    text: `projects:
  - name: shop
    secrets: [ANTHROPIC_API_KEY, MISSING_TOKEN]
`,
    messages: [
      "projects.yaml:3:34 projects[0].secrets[1]: MISSING_TOKEN has no value — set one: npm run pulumi -- config set --secret secrets:shop/MISSING_TOKEN (or secrets:MISSING_TOKEN for every project)",
    ],
  },
  {
    title: "a secret's value in the file",
    text: `projects:
  - name: shop
    secrets: { TOKEN: abc }
`,
    messages: [
      "projects.yaml:3:14 projects[0].secrets: must be a list of names such as [GITHUB_TOKEN]; secret values do not belong in this file",
    ],
  },
  {
    title: "a single secret",
    text: `projects:
  - name: shop
    secrets: TOKEN
`,
    messages: ['projects.yaml:3:14 projects[0].secrets: "TOKEN" is not a list: write [TOKEN]'],
  },
  {
    title: "a duplicate secret",
    text: `projects:
  - name: shop
    secrets: [TOKEN, TOKEN]
`,
    messages: ['projects.yaml:3:22 projects[0].secrets[1]: "TOKEN" is listed twice'],
  },
  {
    title: "a reserved secret",
    text: `projects:
  - name: shop
    secrets: [OPENCODE_SERVER_PASSWORD]
`,
    messages: [
      'projects.yaml:3:15 projects[0].secrets[0]: "OPENCODE_SERVER_PASSWORD" is reserved: the platform sets it so that the gateway can reach opencode',
    ],
  },
  {
    title: "a secret that is also in env",
    text: `defaults: { env: { PROXY: x } }
projects:
  - name: shop
    env: { TOKEN: abc }
    secrets: [TOKEN, PROXY]
`,
    messages: [
      "projects.yaml:5:15 projects[0].secrets[0]: TOKEN is also in env — keep one of the two",
      "projects.yaml:5:22 projects[0].secrets[1]: PROXY is also in defaults.env — keep one of the two",
    ],
  },
  {
    title: "credentials in the address",
    text: `projects:
  - name: shop
    repo: https://dev:hunter2@github.com/example/shop.git
`,
    messages: [
      "projects.yaml:3:11 projects[0].repo: contains credentials, which would end up in logs and git's files — remove them, put the token in a secret and set git: { auth: token, secret: NAME }",
    ],
  },
  {
    title: "a token as the user",
    text: `projects:
  - name: shop
    repo: https://ghp_0123456789@github.com/example/shop.git
`,
    messages: [
      "projects.yaml:3:11 projects[0].repo: contains credentials, which would end up in logs and git's files — remove them, put the token in a secret and set git: { auth: token, secret: NAME }",
    ],
  },
  {
    title: "a token in the query",
    text: `projects:
  - name: shop
    repo: https://git.example.com/shop.git?private_token=hunter2
`,
    messages: [
      "projects.yaml:3:11 projects[0].repo: has a query or fragment, where tokens could leak — write the address without it; see git: { auth: token }",
    ],
  },
  {
    title: "git://",
    text: `projects:
  - name: shop
    repo: git://github.com/example/shop.git
`,
    messages: [
      "projects.yaml:3:11 projects[0].repo: git:// is neither encrypted nor authenticated — write https://github.com/example/shop.git",
    ],
  },
  {
    title: "no scheme",
    text: `projects:
  - name: shop
    repo: github.com/example/shop
`,
    messages: [
      'projects.yaml:3:11 projects[0].repo: "github.com/example/shop" has no scheme — did you mean https://github.com/example/shop?',
    ],
  },
  {
    title: "scp form without a user",
    text: `projects:
  - name: shop
    repo: github.com:example/shop.git
`,
    messages: [
      'projects.yaml:3:11 projects[0].repo: "github.com:example/shop.git" has no user — did you mean git@github.com:example/shop.git?',
    ],
  },
  {
    title: "file://",
    text: `projects:
  - name: shop
    repo: file:///srv/shop.git
`,
    messages: [
      "projects.yaml:3:11 projects[0].repo: file:// is not supported — write the path alone, from /",
    ],
  },
  {
    title: "an option as a repo",
    text: `projects:
  - name: shop
    repo: --upload-pack=evil
`,
    messages: [
      'projects.yaml:3:11 projects[0].repo: "--upload-pack=evil" is not a repository URL — write https://host/owner/repo.git, git@host:owner/repo.git, ssh://git@host/owner/repo.git or a local path',
    ],
  },
  {
    title: "a transport helper",
    text: `projects:
  - name: shop
    repo: ext::sh -c evil
`,
    messages: [
      'projects.yaml:3:11 projects[0].repo: "ext::sh -c evil" contains whitespace — write https://host/owner/repo.git, git@host:owner/repo.git, ssh://git@host/owner/repo.git or a local path',
    ],
  },
  {
    title: "a home directory",
    text: `projects:
  - name: shop
    repo: ~/shop
`,
    messages: ['projects.yaml:3:11 projects[0].repo: "~/shop" starts with ~ — use an absolute path'],
  },
  {
    title: "only a host",
    text: `projects:
  - name: shop
    repo: https://github.com
`,
    messages: [
      'projects.yaml:3:11 projects[0].repo: "https://github.com" has no repository path — write https://host/owner/repo.git, git@host:owner/repo.git, ssh://git@host/owner/repo.git or a local path',
    ],
  },
  {
    title: "a list of repos",
    text: `projects:
  - name: shop
    repo: [https://github.com/a/b]
`,
    messages: ["projects.yaml:3:11 projects[0].repo: a list is not a repository URL"],
  },
  {
    title: "a missing path",
    text: `projects:
  - name: shop
    repo: ./gone
`,
    messages: ['projects.yaml:3:11 projects[0].repo: directory "./gone" not found'],
  },
  {
    title: "a path on another stack",
    text: `projects:
  - name: shop
    repo: /srv/shop.git
`,
    world: { stack: "prod" },
    messages: [
      'projects.yaml:3:11 projects[0].repo: "/srv/shop.git" is a path on this machine, which the stack prod cannot see — push it to a git host and use its https or ssh URL',
    ],
  },
  {
    title: "branch, depth and git without a repo",
    text: `projects:
  - name: shop
    branch: main
    depth: 1
    git: { auth: ssh }
`,
    messages: [
      "projects.yaml:3:5 projects[0].branch: has no effect without repo — add repo, or remove it",
      "projects.yaml:4:5 projects[0].depth: has no effect without repo — add repo, or remove it",
      "projects.yaml:5:5 projects[0].git: has no effect without repo — add repo, or remove it",
    ],
  },
  {
    title: "a branch that git refuses",
    text: `projects:
  - name: shop
    repo: https://github.com/example/shop.git
    branch: feature..x
`,
    messages: ['projects.yaml:4:13 projects[0].branch: "feature..x" is not a valid branch name'],
  },
  {
    title: "a numeric branch",
    text: `projects:
  - name: shop
    repo: https://github.com/example/shop.git
    branch: 1.0
    depth: 0
`,
    messages: [
      "projects.yaml:4:13 projects[0].branch: 1.0 must be text: quote it",
      "projects.yaml:5:12 projects[0].depth: 0 is too small: 1 or more",
    ],
  },
  {
    title: "no auth",
    text: `projects:
  - name: shop
    repo: https://github.com/example/shop.git
    git: { secret: TOKEN }
`,
    messages: ["projects.yaml:4:12 projects[0].git.secret: is only for auth: token"],
  },
  {
    title: "an unknown auth",
    text: `projects:
  - name: shop
    repo: https://github.com/example/shop.git
    git: { auth: tokn }
`,
    messages: [
      'projects.yaml:4:18 projects[0].git.auth: "tokn" is not none, token or ssh; did you mean token?',
    ],
  },
  {
    title: "a token without a secret",
    text: `projects:
  - name: shop
    repo: https://github.com/example/shop.git
    git: { auth: token }
`,
    messages: ["projects.yaml:4:10 projects[0].git.secret: is missing"],
  },
  {
    title: "a token that is not a secret of the entry",
    text: `projects:
  - name: shop
    repo: https://github.com/example/shop.git
    secrets: [ANTHROPIC_API_KEY]
    git: { auth: token, secret: GITHUB_TOKEN }
`,
    messages: [
      "projects.yaml:5:33 projects[0].git.secret: GITHUB_TOKEN is not in this entry's secrets — add it: secrets: [ANTHROPIC_API_KEY, GITHUB_TOKEN]",
    ],
  },
  {
    title: "a token for an ssh address",
    text: `projects:
  - name: shop
    repo: git@github.com:example/shop.git
    secrets: [GITHUB_TOKEN]
    git: { auth: token, secret: GITHUB_TOKEN }
`,
    messages: [
      "projects.yaml:5:18 projects[0].git.auth: token needs an https URL, but repo is ssh — write repo as https://host/owner/repo.git",
    ],
  },
  {
    title: "a token over http",
    text: `projects:
  - name: shop
    repo: http://git.example.com/shop.git
    secrets: [GITHUB_TOKEN]
    git: { auth: token, secret: GITHUB_TOKEN }
`,
    messages: [
      "projects.yaml:5:18 projects[0].git.auth: the token would be sent to git.example.com unencrypted — write repo with https://",
    ],
  },
  {
    title: "a deploy key for an https address",
    text: `projects:
  - name: shop
    repo: https://github.com/example/shop.git
    git: { auth: ssh }
`,
    messages: [
      "projects.yaml:4:18 projects[0].git.auth: ssh needs an ssh URL, but repo is https — write repo as git@host:owner/repo.git",
    ],
  },
  {
    title: "an ssh address without a key",
    text: `projects:
  - name: shop
    repo: ssh://git@github.com/example/shop.git
`,
    messages: ["projects.yaml:3:11 projects[0].repo: uses ssh, which needs a key — add git: { auth: ssh }"],
  },
  {
    title: "commits signed without a deploy key",
    text: `projects:
  - name: shop
    repo: https://git.example.com/shop.git
    git: { auth: none, sign: true }
`,
    messages: [
      "projects.yaml:4:30 projects[0].git.sign: signs with the project's deploy key, and auth: none has none — set git: { auth: ssh }, or remove it",
    ],
  },
  {
    title: "commits signed with a token",
    text: `projects:
  - name: shop
    repo: https://git.example.com/shop.git
    secrets: [GITHUB_TOKEN]
    git: { auth: token, secret: GITHUB_TOKEN, sign: true }
`,
    messages: [
      "projects.yaml:5:53 projects[0].git.sign: signs with the project's deploy key, and auth: token has none — set git: { auth: ssh }, or remove it",
    ],
  },
  {
    title: "signing that is no yes or no",
    text: `projects:
  - name: shop
    repo: git@git.example.com:shop.git
    git: { auth: ssh, sign: gpg }
`,
    messages: ['projects.yaml:4:29 projects[0].git.sign: "gpg" is not true or false'],
  },
  {
    title: "a forge without a token",
    text: `projects:
  - name: shop
    repo: https://git.example.com/shop.git
    git: { forge: gitlab }
`,
    messages: [
      "projects.yaml:4:19 projects[0].git.forge: is for a token, and auth: none has none — set git: { auth: token, secret: NAME }, or remove it",
    ],
  },
  {
    title: "a forge that there is not",
    text: `projects:
  - name: shop
    repo: https://git.example.com/shop.git
    secrets: [T]
    git: { auth: token, secret: T, forge: gitea }
`,
    messages: [
      'projects.yaml:5:43 projects[0].git.forge: "gitea" is not github or gitlab; did you mean gitlab?',
    ],
  },
  {
    title: "a committer that git would cut off",
    text: `projects:
  - name: shop
    git: { name: "Shop <agent>" }
`,
    messages: [
      'projects.yaml:3:18 projects[0].git.name: "Shop <agent>" is not a name that git can write into a commit (e.g. Shop agent)',
    ],
  },
  {
    title: "a committer of punctuation",
    text: `projects:
  - name: shop
    git: { name: "..." }
`,
    messages: [
      'projects.yaml:3:18 projects[0].git.name: "..." is not a name that git can write into a commit (e.g. Shop agent)',
    ],
  },
  {
    title: "a committer without a text",
    text: `projects:
  - name: shop
    git: { name: 7 }
`,
    messages: ["projects.yaml:3:18 projects[0].git.name: 7 must be text: quote it"],
  },
  {
    title: "a committer's address that is none",
    text: `projects:
  - name: shop
    git: { email: shop-agent }
`,
    messages: [
      'projects.yaml:3:19 projects[0].git.email: "shop-agent" is not an e-mail address (e.g. shop-agent@example.com)',
    ],
  },
  {
    title: "a committer under another key",
    text: `projects:
  - name: shop
    git: { user: Shop agent }
`,
    messages: [
      "projects.yaml:3:12 projects[0].git.user: is not a valid key here; valid keys: auth, name, email, sign, forge",
    ],
  },
  {
    title: "a way to authenticate beside a committer, without repo",
    text: `projects:
  - name: shop
    git: { auth: ssh, name: Shop agent }
`,
    messages: ["projects.yaml:3:5 projects[0].git: has no effect without repo — add repo, or remove it"],
  },
  {
    title: "a time zone in lower case",
    text: `projects:
  - name: shop
    timezone: europe/berlin
`,
    messages: [
      'projects.yaml:3:15 projects[0].timezone: "europe/berlin" is not a time zone; did you mean Europe/Berlin?',
    ],
  },
  {
    title: "a time zone that is misspelled",
    text: `projects:
  - name: shop
    timezone: Europe/Berln
`,
    messages: [
      'projects.yaml:3:15 projects[0].timezone: "Europe/Berln" is not a time zone; did you mean Europe/Berlin?',
    ],
  },
  {
    title: "a time zone that is an offset",
    text: `projects:
  - name: shop
    timezone: "+02:00"
`,
    messages: ['projects.yaml:3:15 projects[0].timezone: "+02:00" is not a time zone (e.g. Europe/Berlin)'],
  },
  {
    title: "a time zone twice",
    text: `projects:
  - name: shop
    timezone: Europe/Berlin
    env: { TZ: UTC }
`,
    messages: ["projects.yaml:3:15 projects[0].timezone: is also in env, as TZ — keep one of the two"],
  },
  {
    title: "a default time zone twice",
    text: `defaults:
  timezone: Europe/Berlin
  env: { TZ: UTC }
projects: []
`,
    messages: ["projects.yaml:2:13 defaults.timezone: is also in env, as TZ — keep one of the two"],
  },
  {
    title: "a key of another kind of auth",
    text: `projects:
  - name: shop
    repo: git@github.com:example/shop.git
    git: { auth: ssh, username: dev }
`,
    messages: ["projects.yaml:4:23 projects[0].git.username: is only for auth: token"],
  },
  {
    title: "an invalid known host",
    text: `projects:
  - name: shop
    repo: git@github.com:example/shop.git
    git: { auth: ssh, knownHosts: [github.com] }
`,
    messages: [
      'projects.yaml:4:36 projects[0].git.knownHosts[0]: "github.com" is not a known_hosts line: use the output of ssh-keyscan (e.g. host ssh-ed25519 AAAA…)',
    ],
  },
  {
    title: "a model without a provider",
    text: `projects:
  - name: shop
    opencode: { model: claude-sonnet-4-5 }
`,
    messages: [
      'projects.yaml:3:24 projects[0].opencode.model: "claude-sonnet-4-5" is not a model: write provider/model (e.g. anthropic/claude-sonnet-4-5)',
    ],
  },
  {
    title: "a model inside config",
    text: `projects:
  - name: shop
    opencode: { config: { model: anthropic/claude-sonnet-4-5 } }
`,
    messages: ["projects.yaml:3:34 projects[0].opencode.config.model: belongs one level up: opencode.model"],
  },
  {
    title: "settings as text",
    text: `projects:
  - name: shop
    opencode: { config: "{}" }
`,
    messages: ['projects.yaml:3:25 projects[0].opencode.config: "{}" is not a map (key: value)'],
  },
  {
    title: "invalid or duplicate members",
    text: `projects:
  - name: shop
    members: [dev@, a@example.com, A@example.com, Dev Team, 7, { toString: dev }]
`,
    messages: [
      'projects.yaml:3:15 projects[0].members[0]: "dev@" is not an e-mail address (e.g. dev@example.com)',
      'projects.yaml:3:36 projects[0].members[2]: "A@example.com" is listed twice',
      'projects.yaml:3:51 projects[0].members[3]: "Dev Team" is neither an e-mail address (e.g. dev@example.com) nor the name of a group',
      "projects.yaml:3:61 projects[0].members[4]: 7 is neither an e-mail address (e.g. dev@example.com) nor the name of a group",
      "projects.yaml:3:64 projects[0].members[5]: a map is neither an e-mail address (e.g. dev@example.com) nor the name of a group",
    ],
  },
  {
    title: "members of unknown groups",
    text: `groups: { shop: [dev@example.com] }
projects:
  - name: shop
    members: [shpo, everybody, shop]
`,
    messages: [
      'projects.yaml:4:15 projects[0].members[0]: group "shpo" not found; did you mean shop? — write an e-mail address, or add the group under groups',
      'projects.yaml:4:21 projects[0].members[1]: group "everybody" not found — write an e-mail address, or add the group under groups',
    ],
  },
  {
    title: "empty lists of people, and invalid groups",
    text: `groups:
  Shop: [dev@example.com]
  empty: []
  twice: [dev@example.com, Dev@example.com, nobody]
projects:
  - name: shop
    members: []
`,
    messages: [
      'projects.yaml:2:3 groups.Shop: "Shop" is not a valid group name: 1 to 32 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen',
      "projects.yaml:3:10 groups.empty: is empty: list members, or remove the group",
      'projects.yaml:4:28 groups.twice[1]: "Dev@example.com" is listed twice',
      'projects.yaml:4:45 groups.twice[2]: "nobody" is not an e-mail address (e.g. dev@example.com)',
      "projects.yaml:7:14 projects[0].members: is empty: list members, or remove it to admit everyone the stack admits",
    ],
  },
  {
    title: "shares of the host that can't be",
    world: { volumeBytes: 50 * 2 ** 30 },
    text: `defaults:
  resources: { disk: 100GiB }
projects:
  - name: a
    resources: { disk: 10 }
  - name: b
    resources: { disk: 100MiB, weight: 0 }
  - name: c
    resources: { weight: 0.5, files: 10 }
  - name: d
    resources: { disc: 10GiB }
`,
    messages: [
      "projects.yaml:2:22 defaults.resources.disk: 100GiB is more than the volume has (50GiB) — lower it, or raise volumeSize",
      "projects.yaml:5:24 projects[0].resources.disk: 10 is not a size (e.g. 512MiB, 4GiB)",
      'projects.yaml:7:24 projects[1].resources.disk: "100MiB" is too little: 1GiB or more',
      "projects.yaml:7:40 projects[1].resources.weight: 0 is too small: 1 or more",
      "projects.yaml:9:26 projects[2].resources.weight: 0.5 is not a whole number",
      "projects.yaml:9:38 projects[2].resources.files: 10 is too small: 1024 or more",
      "projects.yaml:11:18 projects[3].resources.disc: is not a valid key here; did you mean disk?",
    ],
  },
  {
    title: "backup that is neither never nor patterns, and checkpoints that are no number of them",
    text: `projects:
  - name: one
    backup: off
  - name: two
    backup: { exclude: [/etc, "../up", "*", "!keep", "", /home/opencode/.ollama] }
  - name: three
    backup: { exclud: [dist] }
  - name: four
    checkpoints: 21
  - name: five
    checkpoints: many
`,
    messages: [
      'projects.yaml:3:13 projects[0].backup: "off" is not a setting of backup: write never',
      'projects.yaml:5:25 projects[1].backup.exclude[0]: "/etc" does not begin in a project: write /workspace/…, /home/… or /services/…',
      'projects.yaml:5:31 projects[1].backup.exclude[1]: "../up" has . or .. in it: write the path without',
      'projects.yaml:5:40 projects[1].backup.exclude[2]: "*" leaves out everything: write backup: never',
      'projects.yaml:5:45 projects[1].backup.exclude[3]: "!keep" is not a pattern: nothing is expanded or negated in it',
      'projects.yaml:5:54 projects[1].backup.exclude[4]: "" is not a pattern: write dist, *.iso or /workspace/data',
      'projects.yaml:5:58 projects[1].backup.exclude[5]: "/home/opencode/.ollama" leaves out nothing: the home is /home in a backup, so write "/home/.ollama"',
      "projects.yaml:7:15 projects[2].backup.exclud: is not a valid key here; did you mean exclude?",
      "projects.yaml:9:18 projects[3].checkpoints: 21 is not a number of checkpoints: a whole number from 0 to 20",
      'projects.yaml:11:18 projects[4].checkpoints: "many" is not a number of checkpoints: a whole number from 0 to 20',
    ],
  },
  {
    title: "sleep that is neither never nor a map of durations",
    text: `defaults:
  sleep: 30m
projects:
  - name: a
    sleep: off
  - name: b
    sleep: { after: 10s }
  - name: c
    sleep: { after: 2d }
  - name: d
    sleep: { after: 721h, pending: true }
  - name: e
    sleep: { after: never }
  - name: f
    sleep: { after: 30 }
  - name: g
    sleep: { afte: 30m }
  - name: h
    sleep: { after: 1h, pending: 1 }
  - name: i
    sleep: sometimes
  - name: j
    sleep: { after: soon }
`,
    messages: [
      'projects.yaml:2:10 defaults.sleep: "30m" is not a setting of sleep: write { after: 30m }',
      'projects.yaml:5:12 projects[0].sleep: "off" is not a setting of sleep: write never',
      'projects.yaml:7:21 projects[1].sleep.after: "10s" is too short: 1m or more',
      'projects.yaml:9:21 projects[2].sleep.after: "2d" is not a duration (e.g. 30m, 1h30m; h is the largest unit); did you mean 48h?',
      'projects.yaml:11:21 projects[3].sleep.after: "721h" is too long: at most 720h, or write sleep: never',
      "projects.yaml:13:21 projects[4].sleep.after: never stands for the whole: write sleep: never",
      "projects.yaml:15:12 projects[5].sleep: after: 30 is not a duration: write a number with a unit (e.g. 30m, 1h30m)",
      "projects.yaml:17:14 projects[6].sleep.afte: is not a valid key here; did you mean after?",
      "projects.yaml:19:12 projects[7].sleep: pending: 1 is not true or false",
      'projects.yaml:21:12 projects[8].sleep: "sometimes" is not a setting of sleep: write never, or { after: 30m }',
      'projects.yaml:23:21 projects[9].sleep.after: "soon" is not a duration (e.g. 30m, 1h30m; h is the largest unit)',
    ],
  },
  {
    title: "ports that can't have a hostname",
    text: `projects:
  - name: shop
    ports: [0, 4096, 3000, { port: 3000, name: web }]
  - name: many
    ports: ["8080", 2, 3, 4, 5]
  - name: odd
    ports: [{ port: 80, name: Admin }, { port: 81, nam: x }, { name: x }, 1.5]
  - name: shop-web
    ports: [{ port: 5000, name: api }, { port: 5001, name: api }]
  - name: shop-web-api
    ports: []
  - name: blog-a
    ports: [{ port: 1, name: b }]
  - name: blog
    ports: [{ port: 1, name: a-b }]
`,
    messages: [
      "projects.yaml:3:13 projects[0].ports[0]: 0 is not a port: write a number from 1 to 65535, or { port: 8080, name: admin }",
      "projects.yaml:3:16 projects[0].ports[1]: 4096 is reserved: opencode's own port, which has the project's hostname",
      "projects.yaml:3:28 projects[0].ports[3]: 3000 is listed twice",
      "projects.yaml:5:12 projects[1].ports: lists more than 4 ports: an Access application of Cloudflare takes five hostnames, and the project's own is one",
      'projects.yaml:7:31 projects[2].ports[0].name: "Admin" is not a valid port name: 1 to 15 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen',
      "projects.yaml:7:52 projects[2].ports[1].nam: is not a valid key here; did you mean name?",
      "projects.yaml:7:62 projects[2].ports[2]: a map is not a port: write a number from 1 to 65535, or { port: 8080, name: admin }",
      "projects.yaml:7:75 projects[2].ports[3]: 1.5 is not a port: write a number from 1 to 65535, or { port: 8080, name: admin }",
      'projects.yaml:9:13 projects[3].ports[0]: has the hostname of the project "shop-web-api" (line 10) — give the port another name',
      'projects.yaml:9:40 projects[3].ports[1]: has the hostname of the project "shop-web-api" (line 10) — give the port another name',
      "projects.yaml:15:13 projects[6].ports[0]: has the same hostname as projects[5].ports[0] in line 13 — give one of the two a name, or another",
    ],
  },
  {
    title: "services that can't be run, reached or kept",
    text: `projects:
  - name: shop
    secrets: [HAS]
    services:
      localhost: { image: postgres:17 }
      shop: { image: postgres }
      Db: { image: "Postgres:17" }
      a.b: { image: redis:7 }
      cache:
        image: redis:7
        command: redis-server --save
        secrets: [HAS, HAS, "a-b"]
        volumes: /data
        depends_on: [db]
  - name: blog
    services:
      db:
        image: postgres:17
        env: { A: 007, "B-C": x }
        volume: [/, data, /run/secrets, /var/run/secrets/x, /proc/x, /a/../b]
        health: " "
        resources: { memory: 1MiB, pids: 1, disk: 1GiB }
      odd: { image: redis:7, volume: [/data, /data], command: [redis-server, 6379] }
      none: { command: [], volume: ["/a:ro", /a/] }
      more: { image: "Redis 7", volume: [/1, /2, /3, /4, /5, /6] }
      big: { image: redis:7, resources: { memory: 64GiB, cpus: 99 } }
  - name: many
    services:
      { a: { image: a:1 }, b: { image: a:1 }, c: { image: a:1 }, d: { image: a:1 }, e: { image: a:1 }, f: { image: a:1 } }
  - name: list
    services: [postgres:17]
  - name: secret
    services: { db: { image: postgres:17, secrets: [NONE] } }
`,
    world: {
      hostMemoryBytes: 8 * 2 ** 30,
      hostCpus: 4,
      hasSecret: (_, name) => name !== "NONE",
    },
    messages: [
      'projects.yaml:5:7 projects[0].services.localhost: "localhost" is reserved: every container\'s own name',
      'projects.yaml:6:7 projects[0].services.shop: "shop" is the project\'s own hostname — choose another name',
      'projects.yaml:6:22 projects[0].services.shop.image: "postgres" names no version: its data may not be readable by the next one (e.g. postgres:17)',
      'projects.yaml:7:7 projects[0].services.Db: "Db" is not a valid service name: 1 to 32 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen',
      'projects.yaml:8:7 projects[0].services["a.b"]: "a.b" is not a valid service name: 1 to 32 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen',
      'projects.yaml:11:18 projects[0].services.cache.command: "redis-server --save" is not a command: write a list of words, such as [redis-server, --save, ""]',
      'projects.yaml:12:24 projects[0].services.cache.secrets[1]: "HAS" is listed twice',
      'projects.yaml:12:29 projects[0].services.cache.secrets[2]: "a-b" is not a valid variable name: letters, digits and _, not starting with a digit',
      "projects.yaml:13:9 projects[0].services.cache.volumes: is not a valid key here: did you mean volume?",
      "projects.yaml:14:9 projects[0].services.cache.depends_on: is not a valid key here: services start at once, and the project after them",
      'projects.yaml:19:19 projects[1].services.db.env.A: 007 would be read as "7": quote it',
      'projects.yaml:19:24 projects[1].services.db.env.B-C: "B-C" is not a valid variable name: letters, digits and _, not starting with a digit',
      "projects.yaml:20:17 projects[1].services.db.volume: lists more than 5 paths",
      "projects.yaml:20:18 projects[1].services.db.volume[0]: / is the container's own root",
      'projects.yaml:20:21 projects[1].services.db.volume[1]: "data" is not a path in the container: write it in full (e.g. /var/lib/postgresql/data)',
      "projects.yaml:20:27 projects[1].services.db.volume[2]: /run/secrets is where secrets are: /run/secrets",
      "projects.yaml:20:41 projects[1].services.db.volume[3]: /var/run/secrets/x is where secrets are: /run/secrets",
      "projects.yaml:20:61 projects[1].services.db.volume[4]: /proc/x is the kernel's",
      'projects.yaml:20:70 projects[1].services.db.volume[5]: "/a/../b" is not a path in the container: write it in full (e.g. /var/lib/postgresql/data)',
      "projects.yaml:21:17 projects[1].services.db.health: is empty: write a line of shell, or none",
      'projects.yaml:22:30 projects[1].services.db.resources.memory: "1MiB" is too little: 16MiB or more',
      "projects.yaml:22:42 projects[1].services.db.resources.pids: 1 is too small: 16 or more",
      "projects.yaml:22:45 projects[1].services.db.resources.disk: is not a valid key here; valid keys: memory, cpus, pids",
      'projects.yaml:23:46 projects[1].services.odd.volume[1]: "/data" is listed twice',
      "projects.yaml:23:78 projects[1].services.odd.command[1]: 6379 must be text: quote it",
      "projects.yaml:24:13 projects[1].services.none.image: is missing",
      'projects.yaml:24:24 projects[1].services.none.command: is empty: write a command, such as [redis-server, --save, ""], or remove it',
      'projects.yaml:24:37 projects[1].services.none.volume[0]: "/a:ro" is not a path in the container: write it in full (e.g. /var/lib/postgresql/data)',
      'projects.yaml:24:46 projects[1].services.none.volume[1]: "/a/" is not a path in the container: write it in full (e.g. /var/lib/postgresql/data)',
      'projects.yaml:25:22 projects[1].services.more.image: "Redis 7" is not an image: write its name and version (e.g. postgres:17)',
      "projects.yaml:25:41 projects[1].services.more.volume: lists more than 5 paths",
      "projects.yaml:26:51 projects[1].services.big.resources.memory: 64GiB is more than this machine has (8GiB)",
      "projects.yaml:26:64 projects[1].services.big.resources.cpus: 99 is more than this machine has (4)",
      "projects.yaml:29:7 projects[2].services: lists more than 5 services",
      "projects.yaml:31:15 projects[3].services: a list is not a map (key: value)",
      "projects.yaml:33:53 projects[4].services.db.secrets[0]: NONE has no value — set one: npm run pulumi -- config set --secret secrets:secret/NONE (or secrets:NONE for every project)",
    ],
  },
  {
    title: "repositories that can't be beside each other",
    text: `projects:
  - name: folders
    repos:
      - { url: https://a.example/a.git, path: .hidden }
      - { url: https://a.example/a.git, path: ../up }
      - { url: https://a.example/a.git, path: /workspace/a }
      - { url: https://a.example/a.git, path: api }
      - { url: https://a.example/a.git, path: Api }
      - { url: https://a.example/a.git, path: api/web }
      - { url: https://a.example/a.git, path: a/./b }
  - name: both
    repo: https://a.example/a.git
    branch: main
    repos: [{ url: https://a.example/b.git, path: b }]
  - name: alone
    branch: main
    depth: 1
    repos: []
  - name: odd
    repos: [https://a.example/a.git, "https://u:p@a.example/a", { url: ./here, path: a }, { path: b }, { url: "https://u:p@a.example/a", path: c }, { url: https://a.example/a.git, path: d, ref: x, branch: "-x" }]
  - name: token
    secrets: [T]
    git: { auth: token, secret: T }
    repos:
      - { url: https://a.example/a.git, path: a }
      - { url: https://A.example:443/b.git, path: b }
      - { url: https://b.example/c.git, path: c }
      - { url: git@a.example:d.git, path: d }
      - { url: git@a.example:e.git, path: e }
  - name: key
    git: { auth: ssh }
    repos:
      - { url: git@a.example:a.git, path: a }
      - { url: ssh://git@a.example/b.git, path: b }
      - { url: git@b.example:c.git, path: c }
      - { url: https://a.example/d.git, path: d }
  - name: none
    repos: [{ url: git@a.example:a.git, path: a }]
`,
    messages: [
      'projects.yaml:4:47 projects[0].repos[0].path: ".hidden" is not a folder of the workspace: write names of letters, digits, _, - and dots that begin with none (e.g. api, or libs/ui)',
      'projects.yaml:5:47 projects[0].repos[1].path: "../up" is not a folder of the workspace: write names of letters, digits, _, - and dots that begin with none (e.g. api, or libs/ui)',
      'projects.yaml:6:47 projects[0].repos[2].path: "/workspace/a" is not a folder of the workspace: write names of letters, digits, _, - and dots that begin with none (e.g. api, or libs/ui)',
      'projects.yaml:8:47 projects[0].repos[4].path: "Api" is listed twice — give each a folder of its own',
      'projects.yaml:9:47 projects[0].repos[5].path: "api/web" and another are within each other — give each a folder of its own',
      'projects.yaml:10:47 projects[0].repos[6].path: "a/./b" is not a folder of the workspace: write names of letters, digits, _, - and dots that begin with none (e.g. api, or libs/ui)',
      "projects.yaml:14:5 projects[1].repos: is beside repo — keep one of the two",
      "projects.yaml:16:5 projects[2].branch: has no effect with repos — write it in the repository that it is for",
      "projects.yaml:17:5 projects[2].depth: has no effect with repos — write it in the repository that it is for",
      "projects.yaml:18:12 projects[2].repos: is an empty list: list repositories, or remove it for an empty workspace",
      'projects.yaml:20:13 projects[3].repos[0]: "https://a.example/a.git" has no folder: write { url: https://a.example/a.git, path: api }',
      "projects.yaml:20:38 projects[3].repos[1]: this has no folder: write { url: https://…, path: api }",
      'projects.yaml:20:72 projects[3].repos[2].url: "./here" is a path of this machine, of which only repo takes one — push it to a git host and use its https or ssh URL',
      "projects.yaml:20:91 projects[3].repos[3].url: is missing",
      "projects.yaml:20:111 projects[3].repos[4].url: contains credentials, which would end up in logs and git's files — remove them, put the token in a secret and set git: { auth: token, secret: NAME }",
      "projects.yaml:20:190 projects[3].repos[5].ref: is not a valid key here; did you mean branch?",
      'projects.yaml:20:206 projects[3].repos[5].branch: "-x" is not a valid branch name',
      "projects.yaml:23:18 projects[4].git.auth: token needs an https URL, but url is ssh — write url as https://host/owner/repo.git",
      "projects.yaml:27:16 projects[4].repos[2].url: is of another host than the first (https://a.example), and the token goes to one host — keep to one host, or give the others a project with a token of its own",
      "projects.yaml:31:18 projects[5].git.auth: ssh needs an ssh URL, but url is https — write url as git@host:owner/repo.git",
      "projects.yaml:35:16 projects[5].repos[2].url: is of another host than the first (a.example), and the deploy key is for one host — keep to one host, or give the others a project with a key of its own",
      "projects.yaml:38:20 projects[6].repos[0].url: uses ssh, which needs a key — add git: { auth: ssh }",
    ],
  },
  {
    title: "services among defaults",
    text: `defaults:
  services: { db: { image: postgres:17 } }
projects: []
`,
    messages: [
      "projects.yaml:2:3 defaults.services: is not a valid key here; valid keys: resources, sleep, image, packages, env, timezone, network, opencode",
    ],
  },
  {
    title: "a setup that is no command",
    text: `defaults:
  setup: npm ci
projects:
  - name: list
    setup: [npm ci, npm run build]
  - name: blank
    setup: "  "
  - name: none
    setup:
  - name: odd
    setup: "echo \\0"
  - name: long
    setup: ${"x".repeat(8193)}
  - name: misspelt
    setUp: npm ci
`,
    messages: [
      "projects.yaml:2:3 defaults.setup: is not a valid key here; valid keys: resources, sleep, image, packages, env, timezone, network, opencode",
      "projects.yaml:5:12 projects[0].setup: a list is not a command: write text, such as npm ci",
      "projects.yaml:7:12 projects[1].setup: is empty: write a command, or remove it",
      "projects.yaml:9:5 projects[2].setup: is empty: set a value, or remove it",
      "projects.yaml:11:12 projects[3].setup: has the character U+0000 in it",
      "projects.yaml:13:12 projects[4].setup: is longer than 8 KiB: put it into a script of the repository, and call that",
      "projects.yaml:15:5 projects[5].setUp: is not a valid key here; did you mean setup?",
    ],
  },
  {
    title: "everything wrong at once",
    text: `defaults:
  resources: { memory: lots, cpu: 1 }
limits: { maxProjects: 2 }
projects:
  - name: Shop
    repo: https://u:p@example.com/x.git
    secrets: [MISSING_KEY, 9LIVES]
  - name: blog
    state: off
    resources: { memory: 4 bananas, cpus: 100 }
    secrets: [MISSING_KEY]
    git: { auth: token, secret: GITHUB_TOKEN }
  - name: blog
    env: { PATH: /bin, PORT: 08 }
    colour: red
`,
    messages: [
      'projects.yaml:2:24 defaults.resources.memory: "lots" is not a size (e.g. 512MiB, 4GiB)',
      "projects.yaml:2:30 defaults.resources.cpu: is not a valid key here; did you mean cpus?",
      'projects.yaml:5:11 projects[0].name: "Shop" is not a valid project name: 1 to 32 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen (e.g. shop)',
      "projects.yaml:6:11 projects[0].repo: contains credentials, which would end up in logs and git's files — remove them, put the token in a secret and set git: { auth: token, secret: NAME }",
      'projects.yaml:7:28 projects[0].secrets[1]: "9LIVES" is not a valid variable name: letters, digits and _, not starting with a digit (e.g. LOG_LEVEL)',
      'projects.yaml:9:12 projects[1].state: "off" is not running or stopped',
      'projects.yaml:10:26 projects[1].resources.memory: "4 bananas" is not a size (e.g. 512MiB, 4GiB)',
      "projects.yaml:10:43 projects[1].resources.cpus: 100 is more than this machine has (8)",
      "projects.yaml:11:15 projects[1].secrets[0]: MISSING_KEY has no value — set one: npm run pulumi -- config set --secret secrets:blog/MISSING_KEY (or secrets:MISSING_KEY for every project)",
      "projects.yaml:12:5 projects[1].git: has no effect without repo — add repo, or remove it",
      "projects.yaml:12:33 projects[1].git.secret: GITHUB_TOKEN is not in this entry's secrets — add it: secrets: [MISSING_KEY, GITHUB_TOKEN]",
      "projects.yaml:13:5 projects[2]: exceeds limits.maxProjects (2): there are 3 projects — remove some, or raise limits.maxProjects",
      'projects.yaml:13:11 projects[2].name: "blog" is already used by projects[1] in line 8',
      'projects.yaml:14:12 projects[2].env.PATH: "PATH" is reserved: set by the image; a wrong value keeps the container from starting',
      'projects.yaml:14:30 projects[2].env.PORT: 08 would be read as "8": quote it',
      "projects.yaml:15:5 projects[2].colour: is not a valid key here; valid keys: name, repo, branch, depth, repos, trust, state, resources, sleep, backup, checkpoints, image, devcontainer, packages, env, timezone, network, ports, services, setup, secrets, git, opencode, members, machines, owners",
    ],
  },
];
