import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createAsk } from "../../src/doctor/ask.js";
import type { Answered, Target } from "../../src/doctor/contract.js";
import { selfSigned } from "../kit/certificates.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { lastingPort, listen } from "../kit/listen.js";

cleanUpAfterEach();

const TOKEN = "a-token-of-some-length";

function target(url: string, more: Partial<Target> = {}): Target {
  return { url: new URL(url), credentials: [], timeoutMs: 60_000, isQuick: true, ...more };
}

/** A server that notes what it gets. */
async function recorder(answer: (req: IncomingMessage, res: ServerResponse) => void) {
  const seen: IncomingMessage[] = [];
  const { url } = await listen((req, res) => {
    seen.push(req);
    answer(req, res);
  });
  return { url: `${url}/mcp`, seen };
}

it("CLI-1: shows every kind of credential to the typed origin, only when it is told to", async () => {
  const { url, seen } = await recorder((_req, res) => res.end("{}"));
  const ask = createAsk(
    target(url, {
      credentials: [
        { kind: "bearer", value: TOKEN },
        { kind: "header", name: "X-API-Key", value: "key one" },
        { kind: "query", name: "key", value: "a&b c" },
      ],
    }),
  );
  await ask(new URL(`${url}?a=%2f+x`), { isAuthorized: true });
  await ask(new URL(`${url}?key=own`), { isAuthorized: true });
  await ask(new URL(url));

  expect(seen.map((req) => req.url)).toEqual([
    "/mcp?a=%2f+x&key=a%26b%20c",
    "/mcp?key=own",
    "/mcp",
  ]);
  expect(seen[0]?.headers).toMatchObject({
    authorization: `Bearer ${TOKEN}`,
    "x-api-key": "key one",
  });
  expect(seen[2]?.headers).not.toHaveProperty("authorization");
  expect(seen[2]?.headers).not.toHaveProperty("x-api-key");
});

it("CLI-1: follows no redirect, so that no credential is carried away", async () => {
  const other = await recorder((_req, res) => res.end());
  const { url } = await recorder((_req, res) => res.writeHead(307, { location: other.url }).end());
  const ask = createAsk(target(url, { credentials: [{ kind: "bearer", value: TOKEN }] }));
  const reply = await ask(new URL(url), { isAuthorized: true });
  expect(reply).toMatchObject({ kind: "answered", status: 307 });
  expect(other.seen).toEqual([]);
});

it("CLI-1: another origin, on another port of the same host, gets a GET without the credential, and no POST", async () => {
  const other = await recorder((_req, res) => res.end());
  const { url } = await recorder((_req, res) => res.end());
  const ask = createAsk(target(url, { credentials: [{ kind: "bearer", value: TOKEN }] }));
  await ask(new URL(other.url), { isAuthorized: true });
  const posted = await ask(new URL(other.url), { method: "POST", body: {}, isAuthorized: true });
  expect(posted).toMatchObject({ kind: "unanswered", code: "NOT_ALLOWED" });
  expect(other.seen).toHaveLength(1);
  expect(other.seen[0]?.headers).not.toHaveProperty("authorization");
});

it("reads a body to its end, as far as is wanted, or as far as it may, and says which", async () => {
  const { url } = await recorder(({ url: path }, res) => {
    if (path === "/whole") return res.end("whole");
    res.write("begun\n\n");
    if (path === "/broken") setImmediate(() => res.destroy());
    if (path === "/long") res.end("x".repeat(1_100_000));
    return undefined;
  });
  const ask = createAsk(target(url));
  const at = (path: string) => new URL(path, url);
  const ends = await Promise.all([
    ask(at("/whole")),
    ask(at("/enough"), { until: (text) => text.includes("\n\n") }),
    ask(at("/head"), { until: "head" }),
    ask(at("/broken")),
    ask(at("/long")),
    ask(at("/late"), { bodyTimeoutMs: 300 }),
  ]);
  expect(ends.map((reply) => (reply as Answered).bodyEnd)).toEqual([
    ...["whole", "enough", "enough", "broken", "too-long", "late"],
  ]);
  expect((ends[1] as Answered).text).toBe("begun\n\n");
});

it("ends a request when nobody waits for it any more", async () => {
  const { url } = await recorder(() => undefined);
  const end = new AbortController();
  const replies = [
    createAsk(target(url), end.signal)(new URL(url)),
    createAsk(target(url))(new URL(url), { signal: end.signal }),
  ];
  end.abort();
  for (const reply of await Promise.all(replies)) expect(reply).toMatchObject({ code: "ABORTED" });
});

it("never throws, and says why there is no answer", async () => {
  const port = await lastingPort();
  const tls = createServer(selfSigned("localhost"), (_req, res) => res.end());
  await once(tls.listen(0, "127.0.0.1"), "listening");
  onDispose(() => tls.close());
  const secure = `https://127.0.0.1:${(tls.address() as AddressInfo).port}`;
  const silent = await recorder(() => undefined);
  const codeAt = async (url: string, timeoutMs = 60_000) => {
    const reply = await createAsk(target(url, { timeoutMs }))(new URL(url));
    return reply.kind === "unanswered" ? reply.code : reply.status;
  };
  expect(await codeAt(`http://127.0.0.1:${port}`)).toBe("ECONNREFUSED");
  expect(await codeAt(secure)).toBe("DEPTH_ZERO_SELF_SIGNED_CERT");
  expect(await codeAt(silent.url, 300)).toBe("TIMEOUT");
  expect(await codeAt(silent.url.replace("http:", "https:"))).toMatch(/^(EPROTO|ERR_SSL)/);
  // A port that no web browser asks.
  expect(await codeAt("http://127.0.0.1:6000/")).toBe("BAD_PORT");
});

it("CLI-2: says nothing of a value that cannot be sent", async () => {
  const { url } = await recorder((_req, res) => res.end());
  const ask = createAsk(
    target(url, { credentials: [{ kind: "bearer", value: "with\nline end" }] }),
  );
  const reply = await ask(new URL(url), { isAuthorized: true });
  expect(reply).toMatchObject({ code: "NOT_SENT" });
  expect(JSON.stringify(reply)).not.toContain("line end");
});
