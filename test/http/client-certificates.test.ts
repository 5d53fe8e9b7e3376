import { Agent, createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import express from "express";
import { createSseRouter, fromPassport } from "../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { createToolServer } from "../kit/tools.js";
import { selfSigned } from "../kit/certificates.js";
import type { Certificate } from "../kit/certificates.js";

import { toolCall } from "../kit/raw-sse.js";

cleanUpAfterEach();

interface Actions {
  success(user: unknown): void;
  fail(): void;
}

/** A strategy that looks at nothing of the request but its connection. */
class ClientCertificate {
  readonly name = "client-certificate";
  static asked = 0;

  authenticate(this: this & Actions, req: IncomingMessage): void {
    ClientCertificate.asked++;
    if (!(req.socket instanceof TLSSocket)) throw new Error("not over TLS");
    // Without a certificate there is no subject, whatever the types say.
    const { subject } = req.socket.getPeerCertificate() as { subject?: { CN: string } };
    if (subject === undefined) this.fail();
    else this.success({ id: subject.CN });
  }
}

/** A server that asks for certificates and leaves it to the strategy what they are worth. */
async function serve(isAhead: boolean): Promise<string> {
  const router = createSseRouter({
    auth: fromPassport(new ClientCertificate(), {
      principal: (user) => user as { id: string },
      remember: true,
    }),
    createServer: () => createToolServer(),
  });
  const app = express();
  app.use(router);
  const server = createServer(
    { ...selfSigned("localhost"), requestCert: true, rejectUnauthorized: false },
    isAhead ? router.ahead(app) : app,
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onDispose(async () => {
    await router.close({ timeoutMs: 0 });
    server.closeAllConnections();
    server.close();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Somebody with a certificate, or without, and connections that are kept. */
class Caller {
  readonly #agent: Agent;

  constructor(certificate?: Certificate) {
    this.#agent = new Agent({
      ...certificate,
      keepAlive: true,
      maxSockets: 2,
      rejectUnauthorized: false,
    });
    onDispose(() => this.#agent.destroy());
  }

  /** The first answer to a GET of the stream: where to post. */
  open(url: string): Promise<string> {
    return new Promise((resolve, reject) => {
      request(`${url}/sse`, { agent: this.#agent, headers: { accept: "text/event-stream" } })
        .on("error", reject)
        .on("response", (answer) => {
          answer.setEncoding("utf8");
          answer.on("error", () => undefined);
          answer.once("data", (text: string) => {
            const [, path = ""] = /data: (\S+)/.exec(text) ?? [];
            resolve(`${url}${path}`);
          });
        })
        .end();
    });
  }

  post(url: string): Promise<number> {
    const body = JSON.stringify(toolCall(1, "whoami"));
    const headers = { "content-type": "application/json", "content-length": body.length };
    return new Promise((resolve, reject) => {
      request(url, { agent: this.#agent, method: "POST", headers })
        .on("error", reject)
        .on("response", (answer) => {
          answer.resume();
          answer.on("end", () => resolve(answer.statusCode ?? 0));
        })
        .end(body);
    });
  }
}

it.each([
  ["a router", false],
  ["a router ahead of its app", true],
])("KNOWN-2: %s takes no other connection for a client's own", async (_where, isAhead) => {
  const url = await serve(isAhead);
  const [alice, bob] = [new Caller(selfSigned("alice")), new Caller(selfSigned("bob"))];
  const postUrl = await alice.open(url);
  expect(await alice.post(postUrl)).toBe(202);
  const { asked } = ClientCertificate;
  expect(await alice.post(postUrl)).toBe(202);
  expect(await alice.post(postUrl)).toBe(202);
  expect(ClientCertificate.asked).toBe(asked);
  expect(await bob.post(postUrl)).toBe(404);
  expect(await new Caller().post(postUrl)).toBe(401);
  expect(await alice.post(postUrl)).toBe(202);
});
