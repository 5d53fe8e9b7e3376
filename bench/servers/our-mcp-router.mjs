/** Ours for every wire in an Express app; with `ahead`, the hot requests are answered before the app. */
import express from "express";
import { createEchoServer } from "./echo-tool.mjs";
import { createEchoServerV2 } from "./echo-tool-v2.mjs";
import { listen } from "./listen.mjs";
import { endAll, ourAuth } from "./our-auth.mjs";
import { ourCluster } from "./our-cluster.mjs";

export async function start({
  secrets,
  options: { auth, product, ahead = false, major = 1, cluster },
}) {
  const { createMcpRouter, fromPassport } = await import(product);
  if (createMcpRouter === undefined) return { missing: "this version has no createMcpRouter" };
  const router = createMcpRouter({
    auth: ourAuth(auth, secrets, fromPassport),
    createServer: major === 2 ? createEchoServerV2 : createEchoServer,
    ...(await ourCluster(product, cluster)),
  });
  await router.ready();
  const app = express();
  app.use("/mcp", router);
  const port = await listen(ahead ? router.ahead(app) : app);
  return { port, clear: () => endAll(router.sessions), close: () => router.close() };
}
