/** A test of somebody who closes their clients, and forgets the issuer and a listener. */
import { createServer } from "node:http";
import express from "express";
import { createMcpRouter } from "express-mcp-sse";
import { connectTestClient, createTestIssuer } from "express-mcp-sse/testing";
import { createToolServer } from "../kit/tools.js";

const issuer = await createTestIssuer({ algorithm: "ES256" });
const router = createMcpRouter({ auth: issuer.auth, createServer: () => createToolServer() });
const server = createServer(express().use("/mcp", router));
const connect = () => connectTestClient(server, { bearer: issuer.sign() });
const [closed, forgotten] = await Promise.all([connect(), connect()]);
await closed.close();
await forgotten.ping();
// The connection alone, and not what was opened for it: the server listens on.
await forgotten.transport?.close();
process.stdout.write(`listening: ${server.listening}`);
