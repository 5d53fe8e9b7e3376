/** Documents whose URL a stranger chose, from a host that is as public as the name server says. */
import { once } from "node:events";
import type { IncomingMessage, RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, LookupFunction } from "node:net";
import { fetchPublic } from "../../../strategies/oauth/sign-in/requests/public-fetch.js";
import { selfSigned } from "../../kit/certificates.js";
import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";

cleanUpAfterEach();

const HOST = "client.example";
const certificate = selfSigned(HOST);

/** The public resolver's part in these tests: whatever the name, it is this machine. */
const lookup: LookupFunction = (_name, { all }, callback) => {
  if (all === true) callback(null, [{ address: "127.0.0.1", family: 4 }]);
  else callback(null, "127.0.0.1", 4);
};

async function serve(listener: RequestListener): Promise<{
  readonly requests: readonly IncomingMessage[];
  readonly get: (path: string, init?: RequestInit, host?: string) => Promise<Response>;
}> {
  const requests: IncomingMessage[] = [];
  const server = createServer(certificate, (req, res) => {
    requests.push(req);
    listener(req, res);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onDispose(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;
  const connect = { lookup, ca: certificate.cert };
  return {
    requests,
    get: async (path, init, host = HOST) =>
      await fetchPublic(`https://${host}:${port}${path}`, init, connect),
  };
}

test("SIGNIN-13: a document is got with its status and headers", async () => {
  const { get, requests } = await serve((_req, res) => {
    res.writeHead(200, { "content-type": "application/json" }).end('{"client_name":"x"}');
  });
  const response = await get("/client.json?v=1", { headers: { accept: "application/json" } });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(await response.json()).toEqual({ client_name: "x" });
  expect(requests[0]?.url).toBe("/client.json?v=1");
  expect(requests[0]?.headers.accept).toBe("application/json");
});

test("SIGNIN-13: a redirect is not followed", async () => {
  const { get, requests } = await serve((_req, res) => {
    res.writeHead(302, { location: `https://${HOST}/elsewhere` }).end();
  });
  expect((await get("/")).status).toBe(302);
  expect(requests).toHaveLength(1);
});

test("SIGNIN-13: an answer without a body is one", async () => {
  const { get } = await serve((_req, res) => void res.writeHead(204).end());
  const response = await get("/");
  expect([response.status, await response.text()]).toEqual([204, ""]);
});

test("SIGNIN-13: of an endless document no more than 64 KiB are read, and the connection ends", async () => {
  let ended: Promise<unknown> = Promise.resolve();
  const { get } = await serve((_req, res) => {
    ended = once(res, "close");
    const more = (): void => {
      while (!res.destroyed && res.write("x".repeat(10_000)));
    };
    res.on("drain", more);
    more();
  });
  await expect(get("/")).rejects.toThrow("65536 bytes");
  await ended;
});

test("SIGNIN-13: a host that goes in the middle, or never answers, is an error", async () => {
  const half = await serve((_req, res) => {
    res.writeHead(200, { "content-length": "10" });
    res.write("12345", () => res.destroy());
  });
  await expect(half.get("/")).rejects.toThrow();
  const silent = await serve(() => undefined);
  await expect(silent.get("/", { signal: AbortSignal.timeout(50) })).rejects.toThrow();
});

test("SIGNIN-13: a host that cannot prove its name hears nothing", async () => {
  const { requests, get } = await serve((_req, res) => void res.end("{}"));
  await expect(get("/", {}, "other.example")).rejects.toMatchObject({
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
  });
  expect(requests).toHaveLength(0);
});
