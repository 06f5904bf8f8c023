/** `npm run schema`: writes projects.schema.json and projects.stack.schema.json, with which editors check projects.yaml and stacks' own files. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { overlayJsonSchema, projectsJsonSchema } from "../config/projects/json-schema.ts";
import { root } from "../operate/engine/checkout.ts";
import { main } from "./lib/main.ts";

await main(async () => {
  writeFileSync(join(root, "projects.schema.json"), projectsJsonSchema());
  writeFileSync(join(root, "projects.stack.schema.json"), overlayJsonSchema());
  console.log("Wrote projects.schema.json and projects.stack.schema.json.");
  return 0;
});
