/** Settings of stacks in a company's network: its proxy, its certificates and its registries. */
import * as z from "zod";
import type { Problem } from "../../errors.ts";
import { settingKey } from "../commands.ts";
import { type CaBundle, parseCaBundle, type ReadFile } from "./ca-bundle.ts";
import { type CompanyProxy, parseProxy } from "./proxy.ts";
import { parseRegistries, type Registries } from "./registries.ts";

/** The settings, typed. Absent: as it is on the open internet. */
export interface CompanySettings {
  readonly proxy?: CompanyProxy;
  readonly caBundle?: CaBundle;
  readonly registries?: Registries;
}

/** The settings as Pulumi keeps them, for the schema of all. */
export const companySchema = {
  proxy: z
    .string()
    .optional()
    .describe(
      "Proxy of the platform's image builds and of projects, but not of a devcontainer's own build: `proxy.http` and `proxy.https` are its URL with the port, `proxy.no` names what is reached without it; set each with `--path`.",
    ),
  caBundle: z
    .string()
    .optional()
    .describe(
      "File of the company's own certificate authorities in PEM, relative to the checkout; the platform's image builds and projects trust them beside the public ones, a devcontainer's own build does not.",
    ),
  registries: z
    .string()
    .optional()
    .describe(
      "Registries to use in place of the public ones: `registries.npm`, `registries.pypi`, `registries.apt`; set each with `--path`.",
    ),
};

/** Names of the settings. */
export const COMPANY_KEYS = Object.keys(companySchema) as (keyof CompanySettings)[];

/**
 * Reads the settings.
 * @param readFile reads a file of the checkout. Without it, as for who needs other settings alone, the bundle is left out
 */
export function parseCompanySettings(
  raw: Readonly<Partial<Record<keyof CompanySettings, string>>>,
  stack: string,
  readFile?: ReadFile,
): { readonly settings: CompanySettings; readonly problems: readonly Problem[] } {
  const proxy = raw.proxy === undefined ? undefined : parseProxy(raw.proxy, stack);
  const registries = raw.registries === undefined ? undefined : parseRegistries(raw.registries, stack);
  const path = raw.caBundle?.trim();
  const isPath = path !== undefined && /^[^\n\r\0]{1,4096}$/.test(path);
  const wrongPath: Problem[] =
    path === undefined || isPath ? [] : [{ where: settingKey("caBundle"), what: "is not a file's path" }];
  const bundle = isPath && readFile ? parseCaBundle(path, readFile, stack) : undefined;
  return {
    settings: {
      ...(proxy?.value && { proxy: proxy.value }),
      ...(bundle?.value && { caBundle: bundle.value }),
      ...(registries?.value && { registries: registries.value }),
    },
    problems: [
      ...(proxy?.problems ?? []),
      ...wrongPath,
      ...(bundle?.problems ?? []),
      ...(registries?.problems ?? []),
    ],
  };
}
