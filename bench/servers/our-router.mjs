/** Ours in an Express app; with `ahead`, the hot requests are answered before the app. */
import express from "express";
import { createEchoServer, notifyAll } from "./echo-tool.mjs";
import { listen } from "./listen.mjs";
import { endAll, ourAuth } from "./our-auth.mjs";
import { ourCluster } from "./our-cluster.mjs";

export async function start({
  secrets,
  options: { auth, product, ahead = false, cluster, ...rest },
}) {
  const { createSseRouter, fromPassport } = await import(product);
  const router = createSseRouter({
    auth: ourAuth(auth, secrets, fromPassport),
    createServer: createEchoServer,
    ...(await ourCluster(product, cluster)),
    ...rest,
  });
  if (ahead && typeof router.ahead !== "function") {
    return { missing: "this version has no router.ahead" };
  }
  await router.ready();
  const app = express();
  app.use(router);
  const port = await listen(ahead ? router.ahead(app) : app);
  return { port, notifyAll, clear: () => endAll(router.sessions), close: () => router.close() };
}
