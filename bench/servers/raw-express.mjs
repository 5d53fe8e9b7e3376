/** The raw echo on Express: with its body parser, or with nothing of Express but itself. */
import express from "express";
import { listen } from "./listen.mjs";
import { answer, notifyAll, openStream, readAndAnswer } from "./raw-echo.mjs";

export async function start({ options: { byHand = false } }) {
  const app = express();
  if (byHand) {
    app.use((req, res) => {
      if (req.method === "GET") openStream(res);
      else readAndAnswer(req, res);
    });
  } else {
    app.use(express.json());
    app.get("/sse", (_req, res) => openStream(res));
    app.post("/messages", (req, res) => answer(req.url, req.body, res));
  }
  return { port: await listen(app), notifyAll };
}
