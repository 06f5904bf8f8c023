import { expect, it } from "vitest";
import { PROJECT_TYPE, projectOfUrn } from "../../config/naming/urns.ts";

const PROJECT = `urn:pulumi:prod::opencode-platform::${PROJECT_TYPE}::web-shop`;
const CONTAINER = `urn:pulumi:prod::opencode-platform::${PROJECT_TYPE}$docker:index/container:Container::web-shop-container`;
const edge = (name: string) =>
  `urn:pulumi:prod::opencode-platform::opencode:platform:Edge$cloudflare:index/dnsRecord:DnsRecord::${name}`;

it.each([
  ["the project itself", PROJECT, "web-shop"],
  ["what is in it", CONTAINER, "web-shop"],
  ["its record at the edge", edge("project-web-shop-record"), "web-shop"],
  ["its application there", edge("project-web-record-application"), "web-record"],
  ["who may pass there", edge("project-web-shop-application-people"), "web-shop"],
  ["its service token", edge("project-web-shop-service-token"), "web-shop"],
  ["the policy of that", edge("project-web-shop-machines"), "web-shop"],
  ["the end of their tokens", edge("project-web-shop-revocation"), "web-shop"],
  ["what all share", edge("panel-record"), undefined],
])("%s belongs to the project that it is of", (_, urn, project) => {
  expect(projectOfUrn(urn, new Map([[CONTAINER, PROJECT]]))).toBe(project);
});
