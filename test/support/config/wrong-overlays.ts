/** A stack's own file with a mistake, over the same projects.yaml, and its problems. */
export interface WrongOverlay {
  readonly title: string;
  readonly overlay: string;
  readonly messages: readonly string[];
}

/** What they are laid over. */
export const BASE = `defaults:
  env: { LANG: C.UTF-8 }
groups: { shop: [ann@example.com] }
projects:
  - name: web-shop
    repo: https://github.com/example/web-shop.git
    env: { LOG_LEVEL: info, RETRIES: 3 }
    secrets: [GITHUB_TOKEN]
    git: { auth: token, secret: GITHUB_TOKEN }
  - name: sandbox
`;

export const wrongOverlays: readonly WrongOverlay[] = [
  {
    title: "no map",
    overlay: "[]",
    messages: [
      "projects.prod.yaml:1:1: is not a map (key: value) — write keys as in projects.yaml, or exclude: [name]",
    ],
  },
  {
    title: "no YAML",
    overlay: "projects:\n\t- name: x\n",
    messages: ["projects.prod.yaml:2:1: is indented with a tab: YAML takes spaces only"],
  },
  {
    title: "a key twice",
    overlay: "exclude: [sandbox]\nexclude: [sandbox]\n",
    messages: ["projects.prod.yaml:2:1 exclude: is defined twice — keep one of the two"],
  },
  {
    title: "an unknown key",
    overlay: "defautls: { env: { A: b } }\n",
    messages: ["projects.prod.yaml:1:1 defautls: is not a valid key here; did you mean defaults?"],
  },
  {
    title: "an unknown key of an entry",
    overlay: "projects:\n  - name: sandbox\n  - name: web-shop\n    sate: stopped\n",
    messages: ["projects.prod.yaml:4:5 projects[1].sate: is not a valid key here; did you mean state?"],
  },
  {
    title: "an invalid value",
    overlay: "projects:\n  - name: web-shop\n    resources: { memory: 4 bananas }\n",
    messages: [
      'projects.prod.yaml:3:26 projects[0].resources.memory: "4 bananas" is not a size (e.g. 512MiB, 4GiB)',
    ],
  },
  {
    title: "settings of opencode",
    overlay: "projects:\n  - name: web-shop\n    opencode: { config: { permision: ask } }\n",
    messages: [
      "projects.prod.yaml:3:27 projects[0].opencode.config.permision: is not a valid key here; did you mean permission?",
    ],
  },
  {
    title: "an entry without a name",
    overlay: "projects:\n  - env: { A: b }\n",
    messages: [
      "projects.prod.yaml:2:5 projects[0]: has no name — start it with - name: the entry of projects.yaml that it changes, or a new one",
    ],
  },
  {
    title: "an entry that is a name",
    overlay: "projects: [web-shop]\n",
    messages: [
      'projects.prod.yaml:1:12 projects[0]: "web-shop" is not an entry — start it with - name: the entry of projects.yaml that it changes, or a new one',
    ],
  },
  {
    title: "entries as a map",
    overlay: "projects: { web-shop: { state: stopped } }\n",
    messages: [
      "projects.prod.yaml:1:11 projects: a map is not a list — start each entry with - name:, or remove the key",
    ],
  },
  {
    title: "no entries",
    overlay: "projects:\n",
    messages: [
      "projects.prod.yaml:1:1 projects: is empty — start each entry with - name:, or remove the key",
    ],
  },
  {
    title: "an entry twice",
    overlay: "projects:\n  - name: web-shop\n  - name: web-shop\n",
    messages: [
      'projects.prod.yaml:3:11 projects[1].name: "web-shop" is already used by projects[0] — write one entry per name',
    ],
  },
  {
    title: "a new entry with an invalid name",
    overlay: "projects: [{ name: Web_Shop }]\n",
    messages: [
      'projects.prod.yaml:1:20 projects[0].name: "Web_Shop" is not a valid project name: 1 to 32 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen (e.g. web-shop)',
    ],
  },
  {
    title: "a new entry that breaks a rule",
    overlay: "projects:\n  - name: docs\n    repo: git@github.com:example/docs.git\n",
    messages: [
      "projects.prod.yaml:3:11 projects[0].repo: uses ssh, which needs a key — add git: { auth: ssh }",
    ],
  },
  {
    title: "excluding an unknown entry",
    overlay: "exclude: [web-shp]\n",
    messages: [
      'projects.prod.yaml:1:11 exclude[0]: "web-shp" is not in projects.yaml; did you mean web-shop?',
    ],
  },
  {
    title: "excluding a single name",
    overlay: "exclude: sandbox\n",
    messages: [
      'projects.prod.yaml:1:10 exclude: "sandbox" is not a list — write the names of entries: exclude: [sandbox]',
    ],
  },
  {
    title: "excluding nothing",
    overlay: "exclude:\n",
    messages: ["projects.prod.yaml:1:1 exclude: is empty — write the names of entries: exclude: [sandbox]"],
  },
  {
    title: "excluding entries by themselves",
    overlay: "exclude: [{ name: sandbox }]\n",
    messages: ["projects.prod.yaml:1:11 exclude[0]: a map is not in projects.yaml"],
  },
  {
    title: "excluding twice",
    overlay: "exclude: [sandbox, sandbox]\n",
    messages: ['projects.prod.yaml:1:20 exclude[1]: "sandbox" is listed twice'],
  },
  {
    title: "excluding what it changes",
    overlay: "exclude: [sandbox]\nprojects: [{ name: sandbox, state: stopped }]\n",
    messages: [
      'projects.prod.yaml:1:11 exclude[0]: "sandbox" is also under projects, in this file — keep one of the two',
    ],
  },
  {
    title: "removing an unknown key",
    overlay: "projects:\n  - name: web-shop\n    env: { LOG_LEVL: null }\n",
    messages: [
      "projects.prod.yaml:3:12 projects[0].env.LOG_LEVL: removes nothing: projects.yaml does not set it here; did you mean LOG_LEVEL?",
    ],
  },
  {
    title: "an empty key, which would remove a map",
    overlay: "defaults:\n  # env: { LANG: de_DE.UTF-8 }\n",
    messages: [
      "projects.prod.yaml:1:1 defaults: is empty — write null to remove what projects.yaml sets, or remove the key",
    ],
  },
  {
    title: "removing what another key needs",
    overlay: "projects:\n  - name: web-shop\n    secrets: null\n",
    messages: [
      "projects.yaml:9:33 projects[0].git.secret: GITHUB_TOKEN is not in this entry's secrets — add it: secrets: [GITHUB_TOKEN]",
    ],
  },
  {
    title: "what projects.yaml says beside it",
    overlay: "defaults: { env: { GITHUB_TOKEN: x } }\n",
    messages: [
      "projects.yaml:8:15 projects[0].secrets[0]: GITHUB_TOKEN is also in defaults.env — keep one of the two",
    ],
  },
  {
    title: "a group that nobody defines",
    overlay: "projects:\n  - name: sandbox\n    members: [shopp]\n",
    messages: [
      'projects.prod.yaml:3:15 projects[0].members[0]: group "shopp" not found; did you mean shop? — write an e-mail address, or add the group under groups',
    ],
  },
  {
    title: "too many projects together",
    overlay: "limits: { maxProjects: 2 }\nprojects: [{ name: docs }]\n",
    messages: [
      "projects.prod.yaml:2:12 projects[0]: exceeds limits.maxProjects (2): there are 3 projects — remove some, or raise limits.maxProjects",
    ],
  },
  {
    title: "the port of another file's project",
    overlay: "projects:\n  - name: web\n    ports: [{ port: 3000, name: shop }]\n",
    messages: [
      'projects.prod.yaml:3:13 projects[0].ports[0]: has the hostname of the project "web-shop" (line 5) — give the port another name',
    ],
  },
];
