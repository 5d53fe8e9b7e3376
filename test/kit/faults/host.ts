import type { RequestHandler } from "express";
import type { SessionInfo } from "../../../src/index.js";
import { serveRouter } from "../serve.js";
import type { ServeRouterOptions, Served } from "../serve.js";
import { serveMcp } from "../streamable.js";
import type { ServeMcpOptions } from "../streamable.js";
import { Calls } from "./servers.js";
import type { FaultServer, ServerKit } from "./servers.js";

type StreamableHostOptions = Pick<ServeMcpOptions, "auth" | "configure" | "resume" | "streamable">;

/** A served endpoint whose SDK servers a test can make speak. */
export class FaultHost {
  readonly calls = new Calls();
  /** Requests to clients of which the server has the answer. */
  readonly answered = new Set<string>();
  /** Requests to clients that were written after that. */
  readonly repeated: string[] = [];
  /** Rejects when a session ends in which its client has spoken; mcp-remote opens some that it never uses. */
  readonly sessionLost: Promise<never>;
  /** Path of the URL that clients are given. */
  path = "";
  /** Ids of the sessions in which a client has spoken. */
  readonly #used = new Set<string>();
  #served: Served | undefined;
  /** By the ids of their sessions, oldest first, and whose they are. */
  readonly #servers = new Map<string, { tag: string; server: FaultServer }>();
  #lose: (reason: Error) => void = () => undefined;

  private constructor() {
    this.sessionLost = new Promise((_resolve, reject) => (this.#lose = reject));
    this.sessionLost.catch(() => undefined);
  }

  /** Serves HTTP+SSE. */
  static async start(kit: ServerKit, options: ServeRouterOptions = {}): Promise<FaultHost> {
    const host = new FaultHost();
    const served = await serveRouter({
      createServer: host.#creator(kit),
      before: [host.#watch],
      ...options,
    });
    return host.#open(served, `${served.base}/sse`);
  }

  /** Serves all wires; clients are given the URL of Streamable HTTP. */
  static async startStreamable(kit: ServerKit, options: StreamableHostOptions = {}) {
    const host = new FaultHost();
    const { configure, auth, ...rest } = options;
    const { url, port, sseUrl, router, lines } = await serveMcp({
      createServer: host.#creator(kit),
      configure: (app) => {
        configure?.(app);
        app.use(host.#watch);
      },
      ...(auth !== undefined && { auth }),
      ...rest,
    });
    const { sessions } = router;
    const messagesUrl = `${url}/mcp/messages`;
    const close = (closing?: { timeoutMs?: number }) => router.close(closing);
    const served = { origin: url, port, base: "/mcp", sseUrl, messagesUrl, sessions, close, lines };
    return host.#open(served, "/mcp");
  }

  #open(served: Served, path: string): this {
    this.#served = served;
    this.path = path;
    served.sessions.on("closed", ({ id }, reason) => {
      if (this.#used.has(id)) this.#lose(new Error(`session ${id} has ended: ${reason}`));
    });
    return this;
  }

  #creator(kit: ServerKit) {
    return (session: SessionInfo): FaultServer => {
      const server = kit.create(this.calls);
      this.#servers.set(session.id, { tag: tagOf(session.request?.url ?? ""), server });
      return server;
    };
  }

  get served(): Served {
    return this.#served!;
  }

  /**
   * The server of the newest session in which a client has spoken. There may be newer ones: a
   * stream that is half-open when its client is asked gets one (RESUME-4), and nobody speaks there.
   */
  serverOf(tag: string): FaultServer {
    let newest: FaultServer | undefined;
    for (const [id, made] of this.#servers) {
      if (made.tag === tag && this.#used.has(id)) newest = made.server;
    }
    if (newest === undefined) throw new Error(`no client of ${tag} has spoken`);
    return newest;
  }

  /** Sees whose session is used, and every byte of a stream at the moment at which it is written. */
  readonly #watch: RequestHandler = (req, res, next) => {
    const named = req.headers["mcp-session-id"] ?? queryOf(req.url).get("sessionId");
    if (req.method === "POST") this.#used.add(String(named));
    const write = res.write.bind(res) as (chunk: unknown, ...rest: unknown[]) => boolean;
    res.write = (chunk: unknown, ...rest: unknown[]): boolean => {
      for (const [, name] of String(chunk).matchAll(/"text":"(\w+ request \d+)"/g)) {
        if (this.answered.has(name!)) this.repeated.push(name!);
      }
      return write(chunk, ...rest);
    };
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
