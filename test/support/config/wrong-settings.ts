/** Settings of opencode that are wrong, as flow YAML behind `config:`, and what is said of each; places are those in the file of the test. */
export interface WrongSettings {
  readonly title: string;
  readonly config: string;
  /** Default: 1. */
  readonly version?: number;
  /** Each with the column and the path below `opencode.config`. */
  readonly messages: readonly string[];
}

export const wrongSettings: readonly WrongSettings[] = [
  {
    title: "a misspelt key",
    config: "{ permision: { bash: ask } }",
    messages: ["17 .permision: is not a valid key here; did you mean permission?"],
  },
  {
    title: "a misspelt word",
    config: "{ permission: { bash: aks } }",
    messages: ['37 .permission.bash: "aks" is not ask, allow or deny; did you mean ask?'],
  },
  {
    title: "a misspelt word in place of a map",
    config: "{ permission: alow }",
    messages: ['29 .permission: "alow" is not ask, allow or deny; did you mean allow?'],
  },
  {
    title: "a misspelt word two unions deep",
    config: '{ permission: { bash: { "rm *": dney } } }',
    messages: ['47 .permission.bash["rm *"]: "dney" is not ask, allow or deny; did you mean deny?'],
  },
  {
    title: "a word for true, false or a word",
    config: "{ autoupdate: never }",
    messages: ['29 .autoupdate: "never" is not true, false or notify'],
  },
  {
    title: "an MCP server of an unknown type",
    config: "{ mcp: { jira: { type: lokal, command: [npx] } } }",
    messages: ['38 .mcp.jira.type: "lokal" is not local or remote; did you mean local?'],
  },
  {
    title: "an MCP server without a type",
    config: "{ mcp: { jira: { command: [npx] } } }",
    messages: ["30 .mcp.jira.type: is required: local or remote"],
  },
  {
    title: "an MCP server with keys of the other type",
    config: "{ mcp: { jira: { type: remote, command: [npx] } } }",
    messages: [
      "30 .mcp.jira.url: is missing",
      "46 .mcp.jira.command: is not a valid key here; valid keys: type, url, enabled, headers, oauth, timeout",
    ],
  },
  {
    title: "an MCP server with a misspelt key",
    config: "{ mcp: { jira: { type: local, comand: [npx] } } }",
    messages: [
      "30 .mcp.jira.command: is missing",
      "45 .mcp.jira.comand: is not a valid key here; did you mean command?",
    ],
  },
  {
    title: "an MCP server's command in one text",
    config: "{ mcp: { jira: { type: local, command: npx } } }",
    messages: ['54 .mcp.jira.command: "npx" is not a list: write [npx]'],
  },
  {
    title: "a number as a variable",
    config: "{ mcp: { jira: { type: local, command: [npx], environment: { PORT: 3 } } } }",
    messages: ["82 .mcp.jira.environment.PORT: 3 must be text: quote it"],
  },
  {
    title: "a setting of the terminal client",
    config: "{ theme: dark }",
    messages: ["17 .theme: is a setting of the terminal client, which people make on their own machines"],
  },
  {
    title: "a setting of 2.x in 1.x",
    config: "{ agents: { build: {} } }",
    messages: [`17 .agents: is a setting of opencode 2, and this project runs OPENCODE; did you mean agent?`],
  },
  {
    title: "a plugin of the wrong kind",
    config: "{ plugin: [5] }",
    messages: ["26 .plugin[0]: 5 is not text or a list"],
  },
  {
    title: "a plugin without its options",
    config: "{ plugin: [[x]] }",
    messages: ["26 .plugin[0][1]: is missing"],
  },
  {
    title: "a list in place of true, false or a map",
    config: "{ formatter: [] }",
    messages: ["28 .formatter: a list is not true, false or a map (key: value)"],
  },
  {
    title: "a language server with a misspelt key",
    config: "{ lsp: { go: { comand: [gopls] } } }",
    messages: [
      "28 .lsp.go.command: is missing",
      "30 .lsp.go.comand: is not a valid key here; did you mean command?",
    ],
  },
  {
    title: "a misspelt key further down",
    config: "{ compaction: { atuo: true } }",
    messages: ["31 .compaction.atuo: is not a valid key here; did you mean auto?"],
  },
  {
    title: "several in one agent",
    config: "{ agent: { build: { mode: main, color: blue, steps: 0 } } }",
    messages: [
      '41 .agent.build.mode: "main" is not subagent, primary or all',
      '54 .agent.build.color: "blue" is not a colour (e.g. #FF5733)',
      "67 .agent.build.steps: 0 is too small: more than 0",
    ],
  },
  {
    title: "an empty setting",
    config: "{ permission: , snapshot: true }",
    messages: ["17 .permission: has no value: write ask, allow, deny or a map (key: value)"],
  },
  {
    title: "yes, which is a text",
    config: "{ snapshot: yes }",
    messages: ['27 .snapshot: "yes" is not true or false'],
  },
  {
    title: "a text for a list",
    config: "{ instructions: README.md }",
    messages: ['31 .instructions: "README.md" is not a list: write [README.md]'],
  },
  {
    title: "a text for a number",
    config: "{ provider: { x: { models: { m: { limit: { context: big, output: 5 } } } } } }",
    messages: ['67 .provider.x.models.m.limit.context: "big" is not a number'],
  },
  {
    title: "a fraction, and a word in small letters",
    config: "{ server: { port: 1.5 }, logLevel: debug }",
    messages: [
      "33 .server.port: 1.5 is not a whole number",
      '50 .logLevel: "debug" is not DEBUG, INFO, WARN or ERROR; did you mean DEBUG?',
    ],
  },
  {
    title: "a timeout that is switched on",
    config: "{ provider: { x: { options: { timeout: true } } } }",
    messages: ["54 .provider.x.options.timeout: true is not false or a number"],
  },
  {
    title: "the model, which is one level up",
    config: "{ model: x }",
    messages: ["24 .model: belongs one level up: opencode.model"],
  },
  {
    title: "a misspelt key of 2.x",
    version: 2,
    config: "{ permisions: [] }",
    messages: ["17 .permisions: is not a valid key here; did you mean permissions?"],
  },
  {
    title: "a misspelt word of 2.x",
    version: 2,
    config: '{ permissions: [{ action: bash, resource: "*", effect: aks }] }',
    messages: ['70 .permissions[0].effect: "aks" is not allow, deny or ask; did you mean ask?'],
  },
  {
    title: "a key of 1.x where 2.x has its own",
    version: 2,
    config: "{ mcp: { servers: { jira: { type: local, command: [npx], enabled: true } } } }",
    messages: ["72 .mcp.servers.jira.enabled: is not a valid key here; did you mean disabled?"],
  },
  {
    title: "a list or a map, neither right",
    version: 2,
    config: "{ skills: { path: [x] } }",
    messages: ["27 .skills.path: is not a valid key here; did you mean paths?"],
  },
  {
    title: "a model without a provider, which 2.x would drop",
    version: 2,
    config: "{ agents: { build: { model: x } } }",
    messages: [
      '43 .agents.build.model: "x" is not a model: write provider/model (e.g. anthropic/claude-sonnet-4-5)',
    ],
  },
  {
    title: "true where only false or a map is taken",
    version: 2,
    config: "{ websearch: true }",
    messages: ["28 .websearch: true is not false or a map (key: value)"],
  },
];
