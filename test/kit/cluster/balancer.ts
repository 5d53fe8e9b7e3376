import { request } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream";
import { onDispose } from "../clean-up.js";
import { listen } from "../listen.js";

/** A load balancer without any memory, in front of nodes: each request goes to the next one. */
export class Balancer {
  /** Where requests go; a node that is taken out gets no more of them. */
  readonly origins: string[];
  url = "";
  readonly #streams = new Set<ServerResponse>();
  #next = 0;

  private constructor(origins: readonly string[]) {
    this.origins = [...origins];
  }

  static async start(nodes: readonly { readonly origin: string }[]): Promise<Balancer> {
    const balancer = new Balancer(nodes.map(({ origin }) => origin));
    const { url } = await listen((req, res) => balancer.#passOn(req, res));
    balancer.url = url;
    onDispose(() => balancer.cut());
    return balancer;
  }

  /** How many event streams there are. */
  get streams(): number {
    return this.#streams.size;
  }

  /** Breaks all event streams. */
  cut(): void {
    for (const res of this.#streams) res.destroy();
  }

  #passOn(req: IncomingMessage, res: ServerResponse): void {
    const origin = this.origins[this.#next++ % this.origins.length];
    const { method, headers, url } = req;
    const passed = request(`${origin}${url}`, { method, headers, agent: false }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      res.flushHeaders();
      const isStream = String(answer.headers["content-type"]).startsWith("text/event-stream");
      if (isStream) this.#streams.add(res);
      res.on("close", () => this.#streams.delete(res));
      pipeline(answer, res, () => undefined);
    });
    passed.on("error", () => res.destroy());
    res.on("close", () => passed.destroy());
    pipeline(req, passed, () => undefined);
  }
}
