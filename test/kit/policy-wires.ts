import { post } from "./raw-sse.js";
import type { Json } from "./raw-sse.js";
import { converse } from "./conversation.js";
import { modernRequest, postModern } from "./modern.js";
import { begin } from "./streamable.js";
import type { RawAnswer } from "./raw-http.js";

/** One of both is there. */
interface Answer {
  readonly result: Json;
  readonly error: Json;
}

/** A client on one wire, that asks one thing after the other. */
export interface Asking {
  readonly sessionId: string | undefined;
  /** The answer to a request, wherever it comes. */
  ask(method: string, params?: object): Promise<Answer>;
  /** What the POST of a request is answered, whatever becomes of the request. */
  post(
    method: string,
    params?: object,
  ): Promise<Pick<RawAnswer, "status" | "json"> & { header(name: string): string }>;
}

export interface PolicyWire {
  readonly name: string;
  connect(
    urls: { mcpUrl: string; sseUrl: string },
    headers: Record<string, string>,
  ): Promise<Asking>;
}

const first = (value: string | readonly string[] | undefined): string =>
  typeof value === "string" ? value : (value?.[0] ?? "");

const sse: PolicyWire = {
  name: "HTTP+SSE",
  connect: async ({ sseUrl }, headers) => {
    const { stream, postUrl, sessionId } = await converse(sseUrl, headers);
    let id = 1_000;
    const send = async (method: string, params: object) => {
      const answer = await post(postUrl, { jsonrpc: "2.0", id: ++id, method, params }, headers);
      return { id, answer };
    };
    return {
      sessionId,
      ask: async (method, params = {}) => {
        const { id: asked, answer } = await send(method, params);
        if (answer.status !== 202) throw new Error(`${answer.status} ${answer.text}`);
        return (await stream.answerTo(asked)) as unknown as Answer;
      },
      post: async (method, params = {}) => {
        const { answer } = await send(method, params);
        const { status, json } = answer;
        return { status, json, header: (name) => answer.headers.get(name) ?? "" };
      },
    };
  },
};

const streamable: PolicyWire = {
  name: "Streamable HTTP",
  connect: async ({ mcpUrl }, headers) => {
    const conversation = await begin(mcpUrl, headers);
    let id = 1_000;
    const send = (method: string, params: object) =>
      conversation.post({ jsonrpc: "2.0", id: ++id, method, params });
    return { sessionId: conversation.sessionId, ...answersOf(send) };
  },
};

const modern: PolicyWire = {
  name: "2026-07-28",
  connect: ({ mcpUrl }, headers) => {
    let id = 1_000;
    const send = (method: string, params: object) =>
      postModern(mcpUrl, modernRequest(++id, method, params), headers);
    return Promise.resolve({ sessionId: undefined, ...answersOf(send) });
  },
};

function answersOf(
  send: (method: string, params: object) => Promise<RawAnswer>,
): Pick<Asking, "ask" | "post"> {
  return {
    ask: async (method, params = {}) => {
      const { status, json, text } = await send(method, params);
      if (status !== 200) throw new Error(`${status} ${text}`);
      return json as Answer;
    },
    post: async (method, params = {}) => {
      const { status, json, headers } = await send(method, params);
      return { status, json, header: (name) => first(headers[name]) };
    },
  };
}

/** Those with sessions, and that without. */
export const STATEFUL = [sse, streamable] as const;
export const MODERN = modern;
