/** SDK v2's own handler of 2026-07-28 on Express, without authentication. */
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler } from "@modelcontextprotocol/server";
import express from "express";
import { createEchoServerV2 } from "./echo-tool-v2.mjs";
import { listen } from "./listen.mjs";

export async function start() {
  const handle = toNodeHandler(createMcpHandler(createEchoServerV2, { legacy: "reject" }));
  const app = express();
  app.use(express.json());
  app.post("/mcp", (req, res) => void handle(req, res, req.body));
  return { port: await listen(app) };
}
