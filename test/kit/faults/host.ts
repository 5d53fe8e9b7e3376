import type { RequestHandler } from "express";
import type { SessionInfo } from "../../../src/index.js";
import { serveRouter } from "../serve.js";
import type { ServeRouterOptions, Served } from "../serve.js";
import { Calls } from "./servers.js";
import type { FaultServer, ServerKit } from "./servers.js";

/** A served endpoint whose SDK servers a test can make speak. */
export class FaultHost {
  readonly calls = new Calls();
  /** Requests to clients of which the server has the answer. */
  readonly answered = new Set<string>();
  /** Requests to clients that were written after that. */
  readonly repeated: string[] = [];
  /** Rejects when a session ends in which its client has spoken; mcp-remote opens some that it never uses. */
  readonly sessionLost: Promise<never>;
  /** Ids of the sessions in which a client has spoken. */
  readonly #used = new Set<string>();
  #served: Served | undefined;
  readonly #servers = new Map<string, FaultServer>();
  #lose: (reason: Error) => void = () => undefined;

  private constructor() {
    this.sessionLost = new Promise((_resolve, reject) => (this.#lose = reject));
    this.sessionLost.catch(() => undefined);
  }

  static async start(kit: ServerKit, options: ServeRouterOptions = {}): Promise<FaultHost> {
    const host = new FaultHost();
    host.#served = await serveRouter({
      createServer: (session: SessionInfo) => {
        const server = kit.create(host.calls);
        host.#servers.set(tagOf(session.request?.url ?? ""), server);
        return server;
      },
      before: [host.#watch],
      ...options,
    });
    host.served.sessions.on("closed", ({ id }, reason) => {
      if (host.#used.has(id)) host.#lose(new Error(`session ${id} has ended: ${reason}`));
    });
    return host;
  }

  get served(): Served {
    return this.#served!;
  }

  /** The newest server that was made for a client. */
  serverOf(tag: string): FaultServer {
    const server = this.#servers.get(tag);
    if (server === undefined) throw new Error(`there is no server for ${tag}`);
    return server;
  }

  /** Sees whose session is used, and every byte of a stream at the moment at which it is written. */
  readonly #watch: RequestHandler = (req, res, next) => {
    if (req.method === "POST") this.#used.add(queryOf(req.url).get("sessionId") ?? "");
    if (req.method === "GET") {
      const write = res.write.bind(res) as (chunk: unknown, ...rest: unknown[]) => boolean;
      res.write = (chunk: unknown, ...rest: unknown[]): boolean => {
        for (const [, name] of String(chunk).matchAll(/"text":"(\w+ request \d+)"/g)) {
          if (this.answered.has(name!)) this.repeated.push(name!);
        }
        return write(chunk, ...rest);
      };
    }
    next();
  };
}

/** Which client a session belongs to; the test writes it into the client's URL. */
function tagOf(url: string): string {
  return queryOf(url).get("client") ?? "";
}

function queryOf(url: string): URLSearchParams {
  return new URLSearchParams(url.split("?")[1]);
}
