export { ProjectsFile } from "./projects-file.ts";
export * from "./types.ts";
