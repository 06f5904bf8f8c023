/** Public halves of projects' deploy keys, as the last update has left them. Call `refresh` after each update. */
import type { Operation, Operations } from "./platform/types.ts";

interface ProjectKey {
  readonly name: string;
  readonly deployKey?: string | undefined;
}

export class DeployKeys {
  readonly #read: () => Promise<readonly ProjectKey[]>;
  #keys: ReadonlyMap<string, string> = new Map();

  constructor(read: () => Promise<readonly ProjectKey[]>) {
    this.#read = read;
  }

  of(project: string): string | undefined {
    return this.#keys.get(project);
  }

  async refresh(): Promise<void> {
    const outputs = await this.#read();
    this.#keys = new Map(
      outputs.flatMap(({ name, deployKey }) => (deployKey ? [[name, deployKey.trim()] as const] : [])),
    );
  }
}

/** Wraps operations; calls `then` when a submitted one has ended. */
export function onOperationEnd(operations: Operations, then: (operation: Operation) => void): Operations {
  const follow = async ({ id }: Operation) => {
    for await (const _ of operations.events(id));
    const ended = operations.get(id);
    if (ended) then(ended);
  };
  return {
    async submit(request) {
      const operation = await operations.submit(request);
      void follow(operation).catch(() => undefined);
      return operation;
    },
    get: (id) => operations.get(id),
    list: () => operations.list(),
    events: (id, after) => operations.events(id, after),
    recover: () => operations.recover(),
    close: () => operations.close(),
  };
}
