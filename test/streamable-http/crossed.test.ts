import { acceptedContent, inputRequired, McpServer } from "@modelcontextprotocol/server";
import fc from "fast-check";
import { z } from "zod";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { ENVELOPE, headersOf } from "../kit/modern.js";
import { initialized, openSession, post } from "../kit/raw-sse.js";
import type { Json, RawStream } from "../kit/raw-sse.js";
import { begin, initializeFor, postForStream, serveMcp } from "../kit/streamable.js";
import { signal } from "../kit/waiting.js";

cleanUpAfterEach();

/** What a client chooses, and everybody here chooses alike: its call's id and the token of its progress. */
const ID = 7;

const CAPABILITIES = { elicitation: { form: {} } };

interface Caller {
  readonly who: "alice" | "bob";
  /** HTTP+SSE; Streamable HTTP answered by a stream or by JSON; 2026-07-28. */
  readonly wire: "sse" | "stream" | "json" | "modern";
  readonly isAtMount: boolean;
  /** Whether its tool reports progress. */
  readonly steps: boolean;
  /** Whether its tool asks the user something. */
  readonly asks: boolean;
  /** Whether its client has the stream of a GET. One that takes JSON only has to, to be asked. */
  readonly isListening: boolean;
}

interface Signal {
  readonly promise: Promise<void>;
  resolve(): void;
}

/** Calls that are in flight, each by what only its caller may hear. */
class Calls {
  readonly #signals = new Map<string, Signal>();

  arrived = (secret: string) => this.#signal(`${secret} has arrived`);
  released = (secret: string) => this.#signal(`${secret} may be told`);

  #signal(name: string): Signal {
    const made = this.#signals.get(name) ?? signal();
    this.#signals.set(name, made);
    return made;
  }
}

const inputSchema = z.object({ secret: z.string(), steps: z.boolean(), asks: z.boolean() });

/** Its tool asks, tells its progress, and answers, all with its caller's secret. */
function createServer(calls: Calls): McpServer {
  const server = new McpServer({ name: "secrets", version: "2.0.0" });
  server.registerTool("tell", { inputSchema }, async ({ secret, steps, asks }, { mcpReq }) => {
    const heard = acceptedContent<{ word: string }>(mcpReq.inputResponses, "ask");
    if (asks && heard === undefined) {
      const schema = z.object({ word: z.string() });
      const ask = inputRequired.elicit({ message: `${secret}, who?`, requestedSchema: schema });
      return inputRequired({ inputRequests: { ask } });
    }
    calls.arrived(secret).resolve();
    await calls.released(secret).promise;
    const progressToken = mcpReq._meta?.progressToken ?? "none";
    const params = { progressToken, progress: 1, message: secret };
    if (steps) await mcpReq.notify({ method: "notifications/progress", params });
    return { content: [{ type: "text", text: `${secret} ${heard?.word ?? "unasked"}` }] };
  });
  return server;
}

/** What a caller has heard, byte for byte. */
interface Heard {
  /** Resolves with the text of its answer. */
  readonly answer: Promise<string>;
  readonly streams: readonly RawStream[];
}

type Urls = Awaited<ReturnType<typeof serveMcp>>;

const callOf = (
  { steps, asks }: Caller,
  secret: string,
  more: object = {},
  _meta: object = {},
) => ({
  ...{ jsonrpc: "2.0", id: ID, method: "tools/call" },
  params: {
    name: "tell",
    arguments: { secret, steps, asks },
    _meta: { progressToken: ID, ..._meta },
    ...more,
  },
});

/** Reads until the answer; what is asked meanwhile is answered by `reply`. */
async function answerOn(stream: RawStream, reply: (id: Json) => Promise<unknown>): Promise<string> {
  for (;;) {
    const { data } = await stream.nextEvent();
    if (data === "") continue;
    const message = JSON.parse(data) as Record<string, Json>;
    if (message["method"] === "elicitation/create") await reply(message["id"]);
    else if (message["method"] === undefined) return answerIn(message);
  }
}

function answerIn({ id, result, error }: Record<string, Json>): string {
  if (id !== ID || error !== undefined) throw new Error(JSON.stringify({ id, error }));
  return result.content[0].text as string;
}

const accepted = (secret: string) => ({ action: "accept", content: { word: secret } });

async function overSse(served: Urls, caller: Caller, secret: string): Promise<Heard> {
  const headers = asCaller({ sub: caller.who });
  const { stream, postUrl } = await openSession(served.sseUrl, headers);
  const say = (message: object) => post(postUrl, message, headers);
  await say(initializeFor("2025-06-18", { capabilities: CAPABILITIES }));
  await stream.answerTo(1);
  await say(initialized);
  await say(callOf(caller, secret));
  const answer = answerOn(stream, (id) => say({ jsonrpc: "2.0", id, result: accepted(secret) }));
  return { answer, streams: [stream] };
}

async function overStreamable(served: Urls, caller: Caller, secret: string): Promise<Heard> {
  const url = caller.isAtMount ? served.mcpUrl : served.sseUrl;
  const capabilities = { capabilities: CAPABILITIES };
  const client = await begin(url, asCaller({ sub: caller.who }), "2025-11-25", capabilities);
  const reply = (id: Json) => client.post({ jsonrpc: "2.0", id, result: accepted(secret) });
  const isJson = caller.wire === "json";
  const streams: RawStream[] = [];
  if (caller.isListening || isJson) {
    const get = await client.listen();
    streams.push(get);
    // It ends with the test, and never with an answer.
    answerOn(get, reply).catch(() => undefined);
  }
  const accept = isJson ? "application/json" : "application/json, text/event-stream";
  const answer = client.stream(callOf(caller, secret), { accept }).then(async (response) => {
    streams.push(response);
    if (response.headers["content-type"] === "text/event-stream") return answerOn(response, reply);
    await response.ended;
    return answerIn(JSON.parse(response.bytes) as Record<string, Json>);
  });
  return { answer, streams };
}

async function overModern(served: Urls, caller: Caller, secret: string): Promise<Heard> {
  const url = caller.isAtMount ? served.mcpUrl : served.sseUrl;
  const meta = { ...ENVELOPE, "io.modelcontextprotocol/clientCapabilities": CAPABILITIES };
  const streams: RawStream[] = [];
  const call = async (more: object = {}): Promise<Record<string, Json>> => {
    const message = callOf(caller, secret, more, meta);
    const headers = { ...headersOf(message), ...asCaller({ sub: caller.who }) };
    const response = await postForStream(url, message, headers);
    streams.push(response);
    await response.ended;
    const lines = response.bytes.split("\n").filter((line) => line.startsWith("data: "));
    return JSON.parse(lines.at(-1)?.slice(6) ?? response.bytes) as Record<string, Json>;
  };
  const answer = call().then(async (first) => {
    if (first["result"]?.resultType !== "input_required") return answerIn(first);
    return answerIn(await call({ inputResponses: { ask: accepted(secret) } }));
  });
  return { answer, streams };
}

const OVER = { sse: overSse, stream: overStreamable, json: overStreamable, modern: overModern };

const caller: fc.Arbitrary<Caller> = fc.record({
  who: fc.constantFrom("alice" as const, "bob" as const),
  wire: fc.constantFrom("sse" as const, "stream" as const, "json" as const, "modern" as const),
  isAtMount: fc.boolean(),
  steps: fc.boolean(),
  asks: fc.boolean(),
  isListening: fc.boolean(),
});

/** Both of them on every wire, each with everything that a tool may say. */
const everything: Caller[] = (["sse", "stream", "json", "modern"] as const).flatMap((wire) =>
  (["alice", "bob"] as const).map((who) => ({
    ...{ who, wire, isAtMount: who === "alice" },
    ...{ steps: true, asks: true, isListening: who === "alice" },
  })),
);

it("AUTH-9, STREAMABLE-8, STREAMABLE-9, MODERN-1: callers who use one id at a time each hear their own, on whatever wires", async () => {
  const calls = new Calls();
  const served = await serveMcp({ createServer: () => createServer(calls) });
  let round = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(caller, { minLength: 2, maxLength: 6 }),
      fc.infiniteStream(fc.nat(5)),
      async (callers, order) => {
        round++;
        const secrets = callers.map(({ who }, index) => `${who}'s secret ${round}/${index}.`);
        const heard = await Promise.all(
          callers.map((one, index) => OVER[one.wire](served, one, secrets[index]!)),
        );
        await Promise.all(secrets.map((secret) => calls.arrived(secret).promise));
        const left = [...secrets];
        while (left.length > 0) {
          const [secret] = left.splice(order.next().value % left.length, 1);
          calls.released(secret!).resolve();
        }
        const answers = await Promise.all(heard.map(({ answer }) => answer));
        expect(answers).toEqual(
          secrets.map((secret, index) => `${secret} ${callers[index]!.asks ? secret : "unasked"}`),
        );
        for (const [index, { streams }] of heard.entries()) {
          const all = streams.map(({ bytes }) => bytes).join("\n");
          expect(secrets.filter((secret) => all.includes(secret))).toEqual([secrets[index]]);
          if (callers[index]!.steps) expect(all).toContain(`"message":"${secrets[index]}"`);
          for (const stream of streams) stream.close();
        }
      },
    ),
    { numRuns: 25, examples: [[everything, fc.sample(fc.infiniteStream(fc.nat(5)), 1)[0]!]] },
  );
});
