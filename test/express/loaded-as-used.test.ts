import { filesLoadedBy } from "../kit/loaded-files.js";

const API_KEYS = `
  import { createSseRouter } from "express-mcp-sse";
  createSseRouter({ auth: { type: "apikey", options: { keys: ["a".repeat(32)] } }, createServer: () => {} });
`;

const SIGN_IN = `
  import { createSseRouter } from "express-mcp-sse";
  const options = { issuerUrl: "http://127.0.0.1:9", clientId: "a", clientSecret: "b", signIn: true };
  const publicUrl = "http://127.0.0.1:9/mcp";
  const router = createSseRouter({ auth: { type: "oauth", options }, publicUrl, createServer: () => {} });
  await router.ready().catch(() => {});
`;

test("a router with API keys loads nothing of the sign-in, nor what asks an issuer", () => {
  const files = filesLoadedBy(API_KEYS);

  expect(files).toContain("strategies/apikey.ts");
  expect(files.filter((file) => file.startsWith("strategies/oauth/sign-in/"))).toEqual([]);
  // What checks the options of oauth, since a mistake in them is told at once, and no more.
  expect(files.filter((file) => file.startsWith("strategies/oauth/")).length).toBeLessThanOrEqual(
    12,
  );
  expect(files).not.toContain("strategies/oauth/discovery.ts");
});

test("FACT-51: what the monitor is made of is loaded by who asks for one", () => {
  const guard = "(_req, _res, next) => next()";
  const asked = API_KEYS.replace("createSseRouter({", "const router = createSseRouter({");
  const ask = `router.monitor({ guard: ${guard} }); await new Promise(setImmediate);`;

  expect(filesLoadedBy(API_KEYS).filter((file) => file.startsWith("src/monitor/"))).toEqual([]);
  expect(filesLoadedBy(`${asked}${ask}`)).toContain("src/monitor/monitor.ts");
});

test("a router with signIn loads the sign-in", () => {
  const files = filesLoadedBy(SIGN_IN);

  expect(files).toContain("strategies/oauth/sign-in/sign-in-server.ts");
  expect(files).toContain("strategies/oauth/sign-in/engine.ts");
});
