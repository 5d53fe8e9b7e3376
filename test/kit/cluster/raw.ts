import { postMessage, initializeFor } from "../streamable.js";
import { initialized, openStream, toolCall } from "../raw-sse.js";
import type { Cluster } from "./cluster.js";
import type { Node } from "./nodes.js";
import type { Whoami } from "./servers.js";

/** Where Streamable HTTP is served, with servers of SDK v1. */
const PATH = "/v1";

/** The credential of one who has an API key. */
export function keyOf({ settings }: Cluster, who: number): Record<string, string> {
  return { "x-api-key": settings.keys[who]!.key };
}

/** A session of Streamable HTTP whose client says itself which node gets each request. */
export class RoamingSession {
  #number = 0;

  private constructor(
    readonly id: string,
    /** With all that a request of the session needs. */
    readonly headers: Readonly<Record<string, string>>,
  ) {}

  /** Opens one at a node. @param credential default: that of the first API key's owner. */
  static async open(
    cluster: Cluster,
    node: Node,
    credential: Readonly<Record<string, string>> = keyOf(cluster, 0),
  ): Promise<RoamingSession> {
    const url = `${node.origin}${PATH}`;
    const begun = await postMessage(url, initializeFor("2025-11-25"), { ...credential });
    if (begun.status !== 200) throw new Error(`initialize: ${begun.status} ${begun.text}`);
    const id = begun.headers["mcp-session-id"] as string;
    const headers = { ...credential, "mcp-session-id": id, "mcp-protocol-version": "2025-11-25" };
    const session = new RoamingSession(id, headers);
    const ready = await session.post(node, initialized);
    if (ready.status !== 202) throw new Error(`initialized: ${ready.status} ${ready.text}`);
    return session;
  }

  post(node: Node, message: unknown, more: Record<string, string> = {}) {
    return postMessage(`${node.origin}${PATH}`, message, { ...this.headers, ...more });
  }

  /** Listens at a node. */
  listen(node: Node) {
    return openStream(`${node.origin}${PATH}`, { ...this.headers });
  }

  /** Calls a tool at a node. */
  call(node: Node, tool: string, args: object = {}, more: Record<string, string> = {}) {
    const name = `roaming-${this.id}-${++this.#number}`;
    return this.post(node, toolCall(this.#number, tool, { name, ms: 50, ...args }), more);
  }

  /** Where the session is, as its server says when it is asked through a node; again, where nobody can tell yet. */
  async whoami(node: Node): Promise<Whoami> {
    const { status, text } = await this.#callUntilAnswered(node);
    if (status !== 200) throw new Error(`whoami: ${status} ${text}`);
    const message = text.startsWith("{") ? text : /^data: (.*)$/m.exec(text)![1]!;
    const { result } = JSON.parse(message) as { result: { content: { text: string }[] } };
    return JSON.parse(result.content[0]!.text) as Whoami;
  }

  async #callUntilAnswered(node: Node) {
    for (;;) {
      const answer = await this.call(node, "whoami");
      if (answer.status !== 503) return answer;
      if (answer.headers["retry-after"] === undefined) throw new Error("503 without Retry-After");
    }
  }
}

/** The bytes with which a node answers for a session that there is not. */
export async function answerForUnknown(node: Node, headers: Readonly<Record<string, string>>) {
  const named = { ...headers, "mcp-session-id": "6dcd4ce2-3d88-4ac2-8a2a-5a2f4b2a3b1c" };
  return postMessage(`${node.origin}${PATH}`, toolCall(1, "whoami", { name: "x" }), named);
}
