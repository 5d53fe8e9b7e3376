import { MCPServer } from "../../src/index.js";

/** Never called: options are looked at before anybody connects. */
const createServer = (): undefined => undefined;

const server = (options: Record<string, unknown>) =>
  new MCPServer({ transport: { type: "sse", options } });

describe("MCPServer", () => {
  it.each([
    ["no object", null, "config must be an object"],
    ["an unknown name", { tools: [] }, "config.tools is not an option"],
    ["an empty name", { name: "" }, "name must be a non-empty string"],
    ["a version that is a number", { version: 1 }, "version must be a non-empty string"],
    ["a setup that is no function", { setup: {} }, "setup must be a function"],
    ["a transport that is text", { transport: "sse" }, "transport must be an object"],
    ["an unknown type", { transport: { type: "http" } }, 'Write "http-stream", "sse" or "stdio"'],
    ["a transport without type", { transport: {} }, "transport.type is unknown"],
    [
      "an unknown member",
      { transport: { type: "sse", port: 1 } },
      "transport.port is not an option",
    ],
    [
      "options with stdio",
      { transport: { type: "stdio", options: {} } },
      "transport.options does not go with stdio",
    ],
    [
      "auth with stdio",
      { transport: { type: "stdio", options: { auth: {} } } },
      "nothing to authenticate",
    ],
  ])("AUTH-1: refuses %s", (_what, config, says) => {
    const make = () => new MCPServer(config as never);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(says);
  });

  it.each<[string, Record<string, unknown>, string]>([
    [
      "a port that is negative",
      { port: -1 },
      "transport.options.port must be a number from 0 to 65535",
    ],
    ["a port that is too large", { port: 65_536 }, "transport.options.port"],
    ["a port that is no whole number", { port: 0.5 }, "transport.options.port is no whole number"],
    ["a port that is text", { port: "8080" }, "Leave it out for the default, 8080"],
    ["an empty host", { host: "" }, "transport.options.host must be"],
    ["times that are none", { http: 75_000 }, "transport.options.http must be an object"],
    [
      "a time of another name",
      { http: { keepAliveTimeout: 1 } },
      "transport.options.http.keepAliveTimeout is not an option",
    ],
    [
      "a time below 0",
      { http: { keepAliveTimeoutMs: -1 } },
      "transport.options.http.keepAliveTimeoutMs must be",
    ],
    [
      "headers that may come after the whole request",
      { http: { headersTimeoutMs: 2_000, requestTimeoutMs: 1_000 } },
      "transport.options.http.headersTimeoutMs is longer than requestTimeoutMs",
    ],
    [
      "headers that may take for ever",
      { http: { headersTimeoutMs: 0 } },
      "transport.options.http.headersTimeoutMs is longer than requestTimeoutMs",
    ],
    ["a health that is no path", { health: "up" }, "transport.options.health is no plain path"],
    [
      "a health on the path of a transport",
      { health: "/sse" },
      "transport.options.health is the path of an endpoint",
    ],
    [
      "a health on the path of messages that was moved",
      { health: "/up", messageEndpoint: "/up" },
      "transport.options.health is the path of an endpoint",
    ],
    ["a health of another kind", { health: true }, "transport.options.health must be"],
    ["a createServer", { createServer }, "transport.options.createServer is not an option"],
    ["other machines without auth", { host: "0.0.0.0" }, "write auth: false to let everybody in"],
    ["other machines over IPv6 without auth", { host: "::" }, "transport.options.auth is missing"],
    [
      "a name that is not known to be local",
      { host: "example.com" },
      "transport.options.auth is missing",
    ],
    ["auth that is undefined", { auth: undefined }, "transport.options.auth is undefined"],
  ])("AUTH-1: refuses %s", (_what, options, says) => {
    expect(() => server(options)).toThrow(TypeError);
    expect(() => server(options)).toThrow(says);
  });

  it.each([
    {},
    { host: "localhost" },
    { host: "::1" },
    { host: "127.0.0.9" },
    { host: "0.0.0.0", auth: false },
    { port: 0 },
    { health: false },
  ])("AUTH-1: takes %j", (options) => {
    expect(() => server(options)).not.toThrow();
  });

  it("AUTH-1: takes no configuration at all: stdio, without sessions and without url", () => {
    const { url, sessions } = new MCPServer();
    expect([url, sessions]).toEqual([undefined, undefined]);
  });

  it("SESSION-4: stop refuses a timeoutMs that is none", async () => {
    await expect(new MCPServer().stop({ timeoutMs: -1 })).rejects.toThrow(TypeError);
  });
});
