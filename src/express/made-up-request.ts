import { createServer, validateHeaderName, validateHeaderValue } from "node:http";
import { duplexPair } from "node:stream";
import express from "express";
import { optionError } from "../shared/check.js";

/** A request as it is written down. */
export interface WrittenRequest {
  readonly method: string;
  readonly url: URL;
  /** In their order; a name may come twice. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** A request that nobody sent. */
export interface MadeUpRequest {
  readonly req: express.Request;
  /** Lets go of what stands for its connection. */
  end(): void;
}

/**
 * Makes a request as a router gets it in an Express app, mounted at `base`. Node's own parser reads it, from no socket: what it
 * makes of headers that come twice, or that are none, is what it makes of them in a server.
 *
 * @throws TypeError for what cannot be sent; it repeats no value.
 */
export async function makeRequest(written: WrittenRequest, base: string): Promise<MadeUpRequest> {
  const head = headOf(written);
  const app = express();
  const server = createServer(app);
  const [client, connection] = duplexPair();
  const isSecure = written.url.protocol === "https:";
  Object.assign(connection, { remoteAddress: "127.0.0.1", ...(isSecure && { encrypted: true }) });
  const end = (): void => {
    client.destroy();
    connection.destroy();
  };
  const arrived = new Promise<express.Request>((resolve, reject) => {
    app.use((req) => resolve(mountedAt(base, req)));
    // Of a method or an expectation that no app hears of: CONNECT, say.
    const refuse = (): void =>
      reject(optionError("the request", "reaches no app: Node ends it by itself", "Mend it."));
    client.on("data", (answer: Buffer) => {
      if (!answer.toString("latin1").startsWith("HTTP/1.1 1")) refuse();
    });
    connection.on("close", refuse);
    server.on("clientError", ({ code }: NodeJS.ErrnoException) => {
      reject(
        optionError("the request", `cannot be read by Node (${code ?? "no code"})`, "Mend it."),
      );
    });
  });
  server.emit("connection", connection);
  client.write(head, "latin1");
  try {
    return { req: await arrived, end };
  } catch (error) {
    end();
    throw error;
  }
}

/** As a router sees it that an app has mounted. */
function mountedAt(base: string, req: express.Request): express.Request {
  const rest = req.url.slice(base.length);
  return Object.assign(req, { baseUrl: base, url: rest.startsWith("/") ? rest : `/${rest}` });
}

/** Security decision: a line break in a header would begin another one, so nothing is written that Node would not send. */
function headOf({ method, url, headers }: WrittenRequest): string {
  if (!/^[A-Z]+$/.test(method)) throw optionError("the method", "is none", "Write GET or POST.");
  const names = headers.map(([name]) => name.toLowerCase());
  const all = names.includes("host") ? headers : [["Host", url.host] as const, ...headers];
  const lines = all.map(([name, value]) => {
    checkHeader(name, value);
    return `${name}: ${value}\r\n`;
  });
  return `${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

function checkHeader(name: string, value: string): void {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch {
    throw optionError("a header", "has a name or a value that cannot be sent", "Is it one line?");
  }
}
