import express from "express";
import { listen } from "./listen.mjs";
import { answer, notifyAll, openStream } from "./raw-echo.mjs";

export async function start() {
  const app = express();
  app.use(express.json());
  app.get("/sse", (_req, res) => openStream(res));
  app.post("/messages", (req, res) => answer(req.url, req.body, res));
  return { port: await listen(app), notifyAll };
}
