import cors from "cors";
import express from "express";
import { BRIEF, PAGE } from "./case.js";
import type { Case, Patient } from "./case.js";
import { accept, answerTo, CREDENTIAL, handWired, handWritten, ours } from "./upstreams.js";
import type { HandWritten } from "./upstreams.js";

/** A server that was written by hand. */
function byHand(how: HandWritten, rest: Omit<Patient, "url"> = {}): Case["serve"] {
  return async () => ({ url: `${(await handWritten(how)).url}/sse`, ...rest });
}

/** Servers that do something wrong themselves. */
export const SERVERS: readonly Case[] = [
  {
    name: "express.json() and its usual limit before a router",
    finding: "large-message",
    serve: async () => {
      const { sseUrl, credential } = await ours({ configure: (app) => app.use(express.json()) });
      return { url: sseUrl, credential };
    },
  },
  {
    name: "express.json() and its usual limit before the SDK's transport of Streamable HTTP",
    finding: "large-message",
    serve: async () => {
      const { url } = await handWired((app) => app.use("/mcp", express.json()), true);
      return { url: `${url}/mcp` };
    },
  },
  {
    name: "express.json() before the SDK's transport, which is not given its result",
    finding: "post-body-read",
    serve: async () => {
      const { url } = await handWired((app) => app.use("/messages", express.json()));
      return { url: `${url}/sse` };
    },
  },
  {
    name: "express.json() before the SDK's transport of Streamable HTTP, which is not given its result",
    finding: "post-body-read",
    serve: async () => {
      const { url } = await handWired((app) => app.use("/mcp", express.json()));
      return { url: `${url}/mcp` };
    },
  },
  {
    name: "a parser that reads a body and keeps it to itself before a router",
    finding: "post-body-read",
    serve: async () => {
      const { sseUrl, credential } = await ours({
        configure: (app) =>
          app.use((req, _res, next) => {
            req.resume().on("end", () => next());
          }),
      });
      return { url: sseUrl, credential };
    },
  },
  {
    name: "an endpoint at an address that only the server sees",
    finding: "endpoint-origin",
    serve: byHand({ endpoint: (session) => `http://10.0.0.7:8080/messages?session=${session}` }),
  },
  {
    name: "an endpoint without a session",
    finding: "endpoint-without-session",
    serve: byHand({ endpoint: () => "/messages" }),
  },
  {
    name: "nothing at the endpoint that it names",
    finding: "post-not-found",
    serve: byHand({ endpoint: (session) => `/elsewhere?session=${session}` }),
  },
  {
    name: "another process that takes its messages",
    finding: "answer-missing",
    serve: byHand({ post: (_message, res) => void res.writeHead(202).end() }, BRIEF),
  },
  {
    name: "answers in its POSTs",
    finding: "answer-in-post",
    serve: byHand(
      {
        post: (message, res) => {
          const json = { "content-type": "application/json" };
          res.writeHead(200, json).end(JSON.stringify(answerTo(message)));
        },
      },
      BRIEF,
    ),
  },
  {
    name: "a stream that says nothing",
    finding: "stream-silent",
    serve: byHand({ endpoint: () => undefined }, BRIEF),
  },
  {
    name: "a failure at every message",
    finding: "post-refused",
    serve: byHand({ post: (_message, res) => void res.writeHead(500).end() }),
  },
  {
    name: "tools that the caller may not list",
    finding: "tools-refused",
    serve: byHand({
      post: (message, res) => {
        const { id, method } = message;
        const answer = accept(message, res);
        const error = { code: -32000, message: "insufficient scope" };
        return method === "tools/list" ? { jsonrpc: "2.0", id, error } : answer;
      },
    }),
  },
];

/** Servers that keep a page out. */
export const PAGES: readonly Case[] = [
  {
    name: "a list of origins without that of the page",
    finding: "origin-not-allowed",
    serve: async () => {
      const { sseUrl, credential } = await ours();
      return { url: sseUrl, credential, origin: PAGE };
    },
  },
  {
    name: "no word for pages",
    finding: "cors-not-allowed",
    serve: async () => ({ url: `${(await handWired()).url}/sse`, origin: PAGE }),
  },
  {
    name: "pages that may not send what clients send",
    finding: "cors-headers",
    serve: async () => {
      const { url } = await handWired((app) => app.use(cors({ allowedHeaders: ["Content-Type"] })));
      return { url: `${url}/sse`, origin: PAGE };
    },
  },
  {
    name: "a session that pages cannot read",
    finding: "cors-not-exposed",
    serve: async () => {
      const { url } = await handWired((app) => app.use(cors()));
      return { url: `${url}/mcp`, origin: PAGE };
    },
  },
  {
    name: "a refusal that pages cannot read",
    finding: "cors-refusals",
    serve: async () => {
      const { url } = await handWired((app) => {
        app.options("/sse", cors());
        app.use((req, res, next) => {
          if (req.get("x-api-key") !== undefined) next();
          else res.status(401).set("WWW-Authenticate", "ApiKey").end();
        });
        app.use(cors());
      });
      return { url: `${url}/sse`, credential: CREDENTIAL, origin: PAGE };
    },
  },
];
