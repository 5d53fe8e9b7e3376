import { once } from "node:events";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestKey } from "./tokens.js";

/** What a key host does with the requests it gets. */
export type JwksBehaviour =
  | "good"
  | "error" // 500
  | "reset" // ends the connection without an answer
  | "silent" // never answers
  | "held" // answers when released
  | "garbage" // 200 with something that is no JSON
  | "empty" // a key set without keys
  | "huge" // a body without end
  | "redirect"; // to another host

/** An issuer's key set on a real socket, with switches for what can go wrong. */
export class JwksServer {
  /** What the next requests get. */
  behaviour: JwksBehaviour = "good";
  /** The keys that are published. */
  keys: readonly object[];
  /** Requests so far. */
  requests = 0;
  readonly #held: (() => void)[] = [];
  readonly #server = createServer((_req, res) => {
    this.requests++;
    this.#server.emit("asked");
    this.#answer(res);
  });

  private constructor(keys: readonly TestKey[]) {
    this.keys = keys.map(({ jwk }) => jwk);
  }

  static async start(...keys: readonly TestKey[]): Promise<JwksServer> {
    const host = new JwksServer(keys);
    host.#server.listen(0, "127.0.0.1");
    await once(host.#server, "listening");
    return host;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/.well-known/jwks.json`;
  }

  /** Publishes other keys than before. */
  rotate(...keys: readonly TestKey[]): void {
    this.keys = keys.map(({ jwk }) => jwk);
  }

  /** Resolves at the next request. */
  async asked(): Promise<void> {
    await once(this.#server, "asked");
  }

  /** Answers what is held, and everything from now on. */
  release(): void {
    this.behaviour = "good";
    for (const answer of this.#held.splice(0)) answer();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #answer(res: ServerResponse): void {
    switch (this.behaviour) {
      case "good":
        sendJson(res, { keys: this.keys });
        return;
      case "empty":
        sendJson(res, { keys: [] });
        return;
      case "held":
        this.#held.push(() => this.#answer(res));
        return;
      case "error":
        res.writeHead(500).end("internal");
        return;
      case "garbage":
        res.writeHead(200).end("<html>");
        return;
      case "redirect":
        res.writeHead(302, { location: "http://127.0.0.1:9/" }).end();
        return;
      case "reset":
        res.socket?.destroy();
        return;
      case "huge":
        flood(res);
        return;
      case "silent":
        return;
    }
  }
}

function sendJson(res: ServerResponse, body: object): void {
  res.writeHead(200, { "content-type": "application/jwk-set+json" }).end(JSON.stringify(body));
}

/** As much as is taken, until the other side has enough. */
function flood(res: ServerResponse): void {
  const chunk = Buffer.alloc(65_536, 0x20);
  const more = (): void => {
    while (!res.destroyed && res.write(chunk)) continue;
  };
  res.on("drain", more).writeHead(200);
  more();
}
