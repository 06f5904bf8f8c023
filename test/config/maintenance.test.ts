import { expect, it } from "vitest";
import { parseMaintenance } from "../../config/stack/maintenance.ts";
import { productionSchema } from "../../config/stack/production-schema.ts";

const parse = (value: unknown) => parseMaintenance(JSON.stringify(value));

it("has a window, which may pass midnight, and a time zone", () => {
  expect(parse({ window: "03:00-05:00" })).toEqual({
    window: "03:00-05:00",
    from: "03:00",
    minutes: 120,
    timezone: "UTC",
  });
  expect(parse({ window: "23:30-01:00", timezone: "America/Port-au-Prince" })).toMatchObject({
    from: "23:30",
    minutes: 90,
    timezone: "America/Port-au-Prince",
  });
});

it.each([
  [{}, /window undefined is not a time/],
  [{ window: "3-5" }, /window "3-5" is not a time of day/],
  [{ window: "24:00-05:00" }, /is not a time of day/],
  [{ window: "03:00-03:00" }, /shorter than 15 minutes/],
  [{ window: "03:00-03:10" }, /shorter than 15 minutes/],
  [{ window: "03:00-05:00", zone: "UTC" }, /"zone" is not a key/],
  [{ window: "03:00-05:00", timezone: "Mars/Base" }, /is not a time zone/],
  [{ window: "03:00-05:00", timezone: "UTC\nExecStart=x" }, /is not a time zone/],
  ["03:00-05:00", /is not a map.*maintenance\.window/],
  [null, /is not a map/],
])("refuses %j", (value, mistake) => {
  expect(parse(value)).toEqual({ mistake: expect.stringMatching(mistake) });
});

it("is no setting by default", () => {
  expect(productionSchema.shape.maintenance.parse(undefined)).toBeUndefined();
});
