/** Real repositories in several languages, side by side in one project, whose test suites the agent runs by its own tool. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GitServer, makeRepositories, pointerTo, startGit } from "../../../lab/forges/git.ts";
import { type ModelStandIn, promptToRun, startModel } from "../../../lab/model/model.ts";
import { health, shellIn } from "../../support/docker.ts";
import { callAt, exchange, projectApi } from "../../support/opencode.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";
import { waitForText } from "../../support/wait.ts";

const platform = new Platform();
const { port, host } = platform.fixture;
const NAME = "languages";
const container = platform.container(NAME);
const at = { port, path: `/p/${NAME}` };
const folder = temporaryFolder();
const repositories = makeRepositories(folder);
const ASSET = "a large file\n".repeat(64);
let git: GitServer;
let model: ModelStandIn;

/** A function and its test in each language, with what the language itself brings. */
const SOURCES = {
  python: {
    "shop.py": "def total(prices):\n    return sum(prices)\n",
    "test_shop.py":
      "import unittest, shop\nclass Total(unittest.TestCase):\n    def test_total(self):\n        self.assertEqual(shop.total([1, 2]), 3)\n",
  },
  go: {
    "go.mod": "module example.com/shop\n\ngo 1.19\n",
    "shop.go":
      "package shop\n\nfunc Total(prices []int) (sum int) {\n\tfor _, price := range prices {\n\t\tsum += price\n\t}\n\treturn\n}\n",
    "shop_test.go":
      'package shop\n\nimport "testing"\n\nfunc TestTotal(t *testing.T) {\n\tif Total([]int{1, 2}) != 3 {\n\t\tt.Fatal("wrong")\n\t}\n}\n',
  },
  php: {
    "shop.php": "<?php\nfunction total(array $prices): int { return array_sum($prices); }\n",
    "test.php":
      '<?php\nrequire "shop.php";\nif (total([1, 2]) !== 3) { echo "wrong\\n"; exit(1); }\necho "1 passed\\n";\n',
  },
  java: {
    "Shop.java":
      "class Shop { static int total(int... prices) { int sum = 0; for (int price : prices) sum += price; return sum; } }\n",
    "ShopTest.java":
      'class ShopTest { public static void main(String[] args) { if (Shop.total(1, 2) != 3) throw new AssertionError("wrong"); System.out.println("1 passed"); } }\n',
  },
} as const;
type Language = keyof typeof SOURCES;

/** How each repository's suite is run, what it says at its end, and a change that breaks it. */
const SUITES: Readonly<Record<Language, { run: string; passes: RegExp; breaks: string }>> = {
  python: { run: "python3 -m unittest", passes: /OK/, breaks: "sed -i s/sum/max/ shop.py" },
  go: { run: "go test ./...", passes: /ok[\s\\t]+example\.com\/shop/, breaks: "sed -i s/+=/-=/ shop.go" },
  php: { run: "php test.php", passes: /1 passed/, breaks: "sed -i s/array_sum/count/ shop.php" },
  java: {
    run: "javac -d /tmp/java *.java && java -cp /tmp/java ShopTest",
    passes: /1 passed/,
    breaks: "sed -i s/+=/-=/ Shop.java",
  },
};

/** Has the agent run a command: the model calls its tool, and repeats what the tool has answered. */
async function byAgent(command: string): Promise<string> {
  const { id } = await callAt(at, projectApi.createSession("languages"));
  return exchange(at, id, promptToRun(command));
}

beforeAll(async () => {
  for (const [name, files] of Object.entries(SOURCES)) repositories.add(name, [{ files }]);
  repositories.add("library", [{ files: { "lib.txt": "library" } }]);
  git = await startGit(repositories);
  git.addLarge(ASSET);
  const url = (name: string) => `http://${host}:${git.port}/${name}.git`;
  repositories.add("monorepo", [
    {
      files: {
        ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
        "apps/web/asset.bin": pointerTo(ASSET),
        "apps/api/main.py": "print('api')\n",
      },
      submodules: { "vendor/library": { url: url("library"), commit: repositories.head("library") } },
    },
  ]);
  model = await startModel({ port: platform.fixture.modelPort });
  await platform.apply([
    ...platform.baseline(),
    {
      name: NAME,
      packages: ["golang-go", "php-cli", "default-jdk-headless"],
      repos: [...Object.keys(SOURCES), "monorepo"].map((name) => ({ url: url(name), path: name })),
      network: { allow: platform.allow(git.port) },
      // Where root runs the platform: Go wants a cache, which the home has.
      env: { OPENCODE_DISABLE_MODELS_FETCH: "1", GOFLAGS: "-mod=mod", GOTOOLCHAIN: "local" },
    },
  ]);
  await answering(platform, NAME);
  await waitForText("all clones", async () => (await health(container)).line, "cloned 5 of 5");
});
afterAll(async () => {
  await platform.reset();
  await model?.close();
  await git?.close();
  removeFolder(folder);
});

describe("a project with packages for several languages", () => {
  it.each(Object.keys(SUITES) as Language[])(
    "runs the suite of a %s repository by the agent's tool",
    async (language) => {
      const { run, passes, breaks } = SUITES[language];
      expect(await byAgent(`cd /workspace/${language} && ${run} 2>&1; echo "exit $?"`)).toMatch(/exit 0/);
      expect(await byAgent(`cd /workspace/${language} && ${run} 2>&1`)).toMatch(passes);
      // The suite is the repository's own: a mistake in the code makes it fail.
      const broken = await byAgent(
        `cd /workspace/${language} && ${breaks} && ${run} >/dev/null 2>&1; echo "exit $?"`,
      );
      expect(broken).toMatch(/exit [1-9]/);
    },
  );

  it("has a monorepo's large files and submodules", async () => {
    const { stdout } = await shellIn(
      container,
      "cd /workspace/monorepo && cat apps/web/asset.bin vendor/library/lib.txt && git status --short",
    );
    expect(stdout).toBe(`${ASSET}library`);
  });
});
