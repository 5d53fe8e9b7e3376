import { completable as completableV1 } from "@modelcontextprotocol/sdk/server/completable.js";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { SubscribeRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import {
  completable as completableV2,
  McpServer as McpServerV2,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import type { McpServerLike } from "../../src/index.js";
import { asCaller } from "./conversation.js";

/** What servers of a test were asked to do. */
export class Ran {
  readonly list: string[] = [];
  readonly servers: (McpServerV1 | McpServerV2)[] = [];

  note(what: string): void {
    this.list.push(what);
  }
}

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

const CAPABILITIES = {
  capabilities: { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } },
};

const TOOLS = ["look", "delete"];
const RESOURCES = ["file:///public/a", "db://salaries"];
const PROMPTS = ["greet", "hr_plan"];

/** One SDK major's server of tools, resources and prompts, of which a part is not for everybody. */
export interface GuardedKit {
  readonly sdk: "v1" | "v2";
  create(ran: Ran): McpServerLike;
}

/** As much of a server as is the same on both majors. */
interface Registry {
  registerTool(name: string, config: object, run: () => ReturnType<typeof text>): unknown;
  registerResource(
    name: string,
    uri: string,
    config: object,
    read: () => { contents: { uri: string; text: string }[] },
  ): unknown;
  registerPrompt(
    name: string,
    config: { argsSchema: never },
    get: () => { messages: never[] },
  ): unknown;
}

/** @param argsOf the schema of a prompt's arguments: each major has a form of its own. */
function register(server: Registry, ran: Ran, argsOf: (prompt: string) => object): void {
  for (const name of TOOLS) {
    server.registerTool(name, {}, () => {
      ran.note(name);
      return text(name);
    });
  }
  for (const uri of RESOURCES) {
    server.registerResource(uri, uri, {}, () => {
      ran.note(uri);
      return { contents: [{ uri, text: uri }] };
    });
  }
  for (const name of PROMPTS) {
    server.registerPrompt(name, { argsSchema: argsOf(name) as never }, () => {
      ran.note(name);
      return { messages: [] };
    });
  }
}

/** What a completion would tell of a prompt. */
const completions = (prompt: string) => () => [`${prompt}-secret`];

export const guardedV1: GuardedKit = {
  sdk: "v1",
  create: (ran) => {
    const server = new McpServerV1({ name: "guarded", version: "1.0.0" }, CAPABILITIES);
    ran.servers.push(server);
    register(server, ran, (name) => ({ who: completableV1(z.string(), completions(name)) }));
    server.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
      ran.note(`subscribe ${params.uri}`);
      return {};
    });
    return server;
  },
};

export const guardedV2: GuardedKit = {
  sdk: "v2",
  create: (ran) => {
    const server = new McpServerV2({ name: "guarded", version: "2.0.0" }, CAPABILITIES);
    ran.servers.push(server);
    register(server, ran, (name) =>
      z.object({ who: completableV2(z.string(), completions(name)) }),
    );
    server.server.setRequestHandler("resources/subscribe", ({ params }) => {
      ran.note(`subscribe ${params.uri}`);
      return {};
    });
    return server;
  },
};

/** Where a result says what was denied. */
export const DENIED_META = "express-mcp-sse/denied";

export const READER = asCaller({ scope: "read" });
export const ADMIN = asCaller({ scope: "read admin" });

/** Rules by which `admin` has all, and everybody else the first of each. */
export const RULES = {
  tools: { delete: { scopes: ["admin"] } },
  resources: { "db://*": { scopes: ["admin"] } },
  prompts: { "hr_*": { scopes: ["admin"] } },
} as const;
