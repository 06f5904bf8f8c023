/** `npm run schema`: writes projects.schema.json, with which editors check projects.yaml. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectsJsonSchema } from "../config/projects/json-schema.ts";
import { root } from "../operate/engine/checkout.ts";
import { main } from "./lib/main.ts";

await main(async () => {
  writeFileSync(join(root, "projects.schema.json"), projectsJsonSchema());
  console.log("Wrote projects.schema.json.");
  return 0;
});
