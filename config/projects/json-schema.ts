import * as z from "zod";
import { projectsFile } from "./file-schema.ts";

/** The text of projects.schema.json: what an editor completes and checks projects.yaml with. */
export function projectsJsonSchema(): string {
  // draft-07 is what yaml-language-server supports in full
  const schema = z.toJSONSchema(projectsFile, { target: "draft-07", io: "input" });
  return `${JSON.stringify({ ...schema, title: "projects.yaml" }, undefined, 2)}\n`;
}
