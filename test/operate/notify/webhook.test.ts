import { describe, expect, it } from "vitest";
import { sendAlert } from "../../../operate/forge/publish.ts";
import { retryAfter } from "../../../operate/http/retry.ts";
import { bodyOf, sendWebhook } from "../../../operate/notify/webhook.ts";
import { serving } from "../../support/serving.ts";

describe("the webhook", () => {
  const secret = "/services/T000/s3cr3t";

  it("gets a body that both Slack and Discord accept", async () => {
    const hook = await serving([{ status: 204 }]);
    await sendWebhook(`http://127.0.0.1:${hook.port}${secret}`, "shop <idle> & @everyone");
    expect(JSON.parse(hook.seen[0]?.body ?? "")).toEqual({
      text: "shop &lt;idle&gt; &amp; @everyone",
      content: "shop <idle> & @everyone",
      allowed_mentions: { parse: [] },
    });
    expect(JSON.stringify(bodyOf("x".repeat(5000))).length).toBeLessThan(4200);
    hook.close();
  });

  it("is retried after transient failures, after the requested delay", async () => {
    const hook = await serving([
      { status: 429, headers: { "retry-after": "7" } },
      { status: 503 },
      { status: 200 },
    ]);
    const waits: number[] = [];
    await sendWebhook(`http://127.0.0.1:${hook.port}${secret}`, "x", {
      wait: async (ms) => void waits.push(ms),
    });
    expect([waits, hook.seen.length]).toEqual([[7000, 2000], 3]);
    const header = (value: string) => new Headers({ "retry-after": value });
    expect(retryAfter(header("Thu, 01 Jan 1970 00:01:00 GMT"), 0)).toBe(60_000);
    expect(retryAfter(header("soon"), 0)).toBeUndefined();
    expect(retryAfter(header("1.5"))).toBe(1500);
    hook.close();
  });

  it("fails after the last retry, without showing its address", async () => {
    const hook = await serving([{ status: 500 }]);
    const url = `http://127.0.0.1:${hook.port}${secret}`;
    const failed = await sendWebhook(url, "x", { wait: async () => {} }).catch((error: Error) => error);
    expect(String(failed)).toBe("Error: Could not notify the webhook: it answered 500");
    expect(hook.seen).toHaveLength(5);
    hook.close();
    const gone = await sendWebhook(url, "x", { wait: async () => {} }).catch((error: Error) => error);
    expect(String((gone as Error).stack) + JSON.stringify(gone)).not.toContain("s3cr3t");
  });

  it.each([400, 404, 302])("is not retried after %i, and redirects are not followed", async (status) => {
    const hook = await serving([{ status, headers: { location: "http://127.0.0.1:1/" } }]);
    await expect(
      sendWebhook(`http://127.0.0.1:${hook.port}${secret}`, "x", { wait: async () => {} }),
    ).rejects.toThrow("Could not notify the webhook");
    expect(new Set(hook.seen.map(({ request }) => request.url))).toEqual(new Set([secret]));
    hook.close();
  });

  it.each(["", "not a URL", "ftp://hooks.example/s3cr3t"])(
    "%j is rejected as an address, without quoting it",
    async (url) => {
      await expect(sendWebhook(url, "x")).rejects.toThrow(
        /^Could not notify the webhook: it is not an http\(s\) URL$/,
      );
    },
  );

  it("is a pipeline's alert, which continues if the chat rejects it", async () => {
    const hook = await serving([{ status: 400 }]);
    const printed: string[] = [];
    const job = { printError: (line: string) => void printed.push(line) };
    await sendAlert(job, "drift", { ALERT_WEBHOOK: `http://127.0.0.1:${hook.port}${secret}` });
    await sendAlert(job, "drift", {});
    expect(printed).toEqual(["ALERT_WEBHOOK: Could not notify the webhook: it answered 400"]);
    expect(hook.seen).toHaveLength(1);
    hook.close();
  });
});
