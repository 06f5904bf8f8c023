import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { describe, expect, it } from "vitest";
import { localAddresses } from "../../../panel/server/access/guard.ts";
import { Streams } from "../../../panel/server/api/sse.ts";
import { World } from "../../support/panel/api-world.ts";

describe("a stream over a real connection", () => {
  const serve = async (streams: Streams) => {
    let taken = 0;
    let ended = 0;
    const world = new World({
      streams,
      addresses: { ...localAddresses(4090), hosts: ["panel"] },
      logs: {
        last: async () => [],
        async *follow() {
          try {
            for (;;) {
              taken++;
              yield { at: "", stream: "stdout", text: "x".repeat(10_000) };
              await new Promise((resolve) => setImmediate(resolve));
            }
          } finally {
            ended++;
          }
        },
      },
    });
    const server = createAdaptorServer({ fetch: world.app.fetch });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
    socket.on("error", () => {});
    socket.write("GET /api/projects/web-shop/logs?follow=1 HTTP/1.1\r\nHost: panel\r\n\r\n");
    return { server, socket, closed, figures: () => ({ taken, ended }) };
  };

  it("takes no more from its source than is read, and closes a connection that is not read", async () => {
    const streams = new Streams(300);
    const { server, socket, closed, figures } = await serve(streams);
    socket.pause();
    while (figures().ended === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(figures().taken).toBeLessThan(5000);
    socket.resume();
    await closed;
    expect(streams.count).toBe(0);
    server.close();
  });

  it("releases its source when the reader disconnects", async () => {
    const streams = new Streams();
    const { server, socket, figures } = await serve(streams);
    await new Promise<void>((resolve) => socket.once("data", () => resolve()));
    socket.destroy();
    while (figures().ended === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(streams.count).toBe(0);
    server.close();
  });

  it("ends when the panel stops", async () => {
    const streams = new Streams();
    const { server, socket, closed } = await serve(streams);
    let text = "";
    socket.on("data", (chunk) => {
      text = (text + chunk).slice(-100);
      streams.close();
      socket.end();
    });
    await closed;
    expect(text.length).toBeGreaterThan(0);
    expect(streams.count).toBe(0);
    server.close();
  });
});
