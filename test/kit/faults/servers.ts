import { EventEmitter, once } from "node:events";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { z } from "zod";
import type { McpServerLike } from "../../../src/index.js";

/** Which calls have reached the tools, and when the held ones may be answered. */
export class Calls {
  readonly #facts = new EventEmitter().setMaxListeners(0);
  readonly #runs = new Map<string, number>();
  readonly #released = new Set<string>();
  #running = 0;

  /** How often the tool has run for this call. */
  runs(name: string): number {
    return this.#runs.get(name) ?? 0;
  }

  /** Resolves when the tool runs for this call. */
  async started(name: string): Promise<void> {
    while (this.runs(name) === 0) await once(this.#facts, "started");
  }

  /** Lets the tool answer this call. */
  release(name: string): void {
    this.#released.add(name);
    this.#facts.emit("released");
  }

  /** Resolves when no tool is running. */
  async idle(): Promise<void> {
    while (this.#running > 0) await once(this.#facts, "idle");
  }

  async run(name: string, work: () => Promise<void> | void): Promise<string> {
    this.#runs.set(name, this.runs(name) + 1);
    this.#running++;
    this.#facts.emit("started");
    try {
      await work();
    } finally {
      if (--this.#running === 0) this.#facts.emit("idle");
    }
    return name;
  }

  async hold(name: string): Promise<void> {
    while (!this.#released.has(name)) await once(this.#facts, "released");
  }
}

/** An SDK server that a test can make speak. */
export interface FaultServer extends McpServerLike {
  /** Sends a notification. */
  notify(text: string): Promise<void>;
  /** Asks the client something, and returns what it says. */
  ask(text: string): Promise<string>;
}

/** The server of one SDK major. */
export interface ServerKit {
  readonly name: string;
  create(calls: Calls): FaultServer;
}

const STEPS = [1, 2, 3];
const CAPABILITIES = { capabilities: { logging: {} } };
const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
const sampling = (question: string) => ({
  messages: [{ role: "user" as const, content: { type: "text" as const, text: question } }],
  maxTokens: 10,
});
const logged = (data: string) => ({
  method: "notifications/message" as const,
  params: { level: "info" as const, data },
});

/**
 * `echo` answers at once, `held` when it is released, `leave` ends the response to its call first,
 * `steps` reports progress just before its answer, and `walk` waits after each step until
 * `<name> <step>` is released.
 */
export const serverV1: ServerKit = {
  name: "server v1",
  create: (calls) => {
    const server = new McpServerV1({ name: "faults", version: "1.0.0" }, CAPABILITIES);
    const inputSchema = { name: z.string() };
    server.registerTool("echo", { inputSchema }, async ({ name }) =>
      text(await calls.run(name, () => undefined)),
    );
    server.registerTool("held", { inputSchema }, async ({ name }) =>
      text(await calls.run(name, () => calls.hold(name))),
    );
    server.registerTool("leave", { inputSchema }, async ({ name }, { closeSSEStream }) =>
      text(await calls.run(name, () => closeSSEStream?.())),
    );
    server.registerTool("steps", { inputSchema }, async ({ name }, { _meta, sendNotification }) =>
      text(
        await calls.run(name, async () => {
          const progressToken = _meta?.progressToken ?? "none";
          for (const progress of STEPS) {
            await sendNotification({
              method: "notifications/progress",
              params: { progressToken, progress },
            });
          }
        }),
      ),
    );
    server.registerTool("walk", { inputSchema }, async ({ name }, { _meta, sendNotification }) => {
      const progressToken = _meta?.progressToken ?? "none";
      for (const progress of STEPS) {
        const params = { progressToken, progress };
        await sendNotification({ method: "notifications/progress", params });
        await calls.hold(`${name} ${progress}`);
      }
      return text(name);
    });
    return {
      connect: (transport) => server.connect(transport),
      close: () => server.close(),
      notify: (data) => server.server.notification(logged(data)),
      ask: async (question) => textOf(await server.server.createMessage(sampling(question))),
    };
  },
};

/** The same on SDK v2. */
export const serverV2: ServerKit = {
  name: "server v2",
  create: (calls) => {
    const server = new McpServerV2({ name: "faults", version: "2.0.0" }, CAPABILITIES);
    const inputSchema = z.object({ name: z.string() });
    server.registerTool("echo", { inputSchema }, async ({ name }) =>
      text(await calls.run(name, () => undefined)),
    );
    server.registerTool("held", { inputSchema }, async ({ name }) =>
      text(await calls.run(name, () => calls.hold(name))),
    );
    server.registerTool("leave", { inputSchema }, async ({ name }, { http }) =>
      text(await calls.run(name, () => http?.closeSSE?.())),
    );
    server.registerTool("steps", { inputSchema }, async ({ name }, { mcpReq }) =>
      text(
        await calls.run(name, async () => {
          const progressToken = mcpReq._meta?.progressToken ?? "none";
          for (const progress of STEPS) {
            await mcpReq.notify({
              method: "notifications/progress",
              params: { progressToken, progress },
            });
          }
        }),
      ),
    );
    server.registerTool("walk", { inputSchema }, async ({ name }, { mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken ?? "none";
      for (const progress of STEPS) {
        const params = { progressToken, progress };
        await mcpReq.notify({ method: "notifications/progress", params });
        await calls.hold(`${name} ${progress}`);
      }
      return text(name);
    });
    return {
      connect: (transport) => server.connect(transport),
      close: () => server.close(),
      notify: (data) => server.server.notification(logged(data)),
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- the request that HTTP+SSE clients know
      ask: async (question) => textOf(await server.server.createMessage(sampling(question))),
    };
  },
};

function textOf({ content }: { content: unknown }): string {
  return (content as { text: string }).text;
}
