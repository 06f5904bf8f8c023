import { type Calls, ok } from "../call.ts";
import { actionView, allImages, allRegions, allSizes, page } from "../views.ts";
import { must } from "../world.ts";

const ACCOUNT = {
  droplet_limit: 25,
  floating_ip_limit: 5,
  email: "owner@standin.example",
  name: "Owner",
  uuid: "b6fr89dbf6d9156cace5f3c78dc9851d957381ef",
  email_verified: true,
  status: "active",
  status_message: "",
  team: { uuid: "5df3e3004a17e242b7c20ca6c9fc25b701a47ece", name: "My Team" },
};

/** The account, DigitalOcean's offers, and all actions. */
export const accountCalls: Calls = {
  account_get: () => ok({ account: ACCOUNT }),
  regions_list: ({ url }) => ok(page("regions", allRegions(), url)),
  sizes_list: ({ url }) => ok(page("sizes", allSizes(), url)),
  images_list: ({ url }) =>
    ok(page("images", url.searchParams.get("private") === "true" ? [] : allImages(), url)),
  actions_list: ({ world, url }) =>
    ok(page("actions", [...world.actions.values()].reverse().map(actionView), url)),
  actions_get: ({ world, param }) =>
    ok({ action: actionView(must(world.actions.get(Number(param("action_id"))))) }),
};
