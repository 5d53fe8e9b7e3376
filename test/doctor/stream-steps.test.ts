import type { RequestListener } from "node:http";
import { createAsk } from "../../src/doctor/ask.js";
import type { Target } from "../../src/doctor/contract.js";
import type { Evidence } from "../../src/doctor/evidence.js";
import { examine } from "../../src/doctor/examine.js";
import { FINDERS } from "../../src/doctor/findings.js";
import { ACCEPT, answerIn, initializeRequest } from "../../src/doctor/messages.js";
import { judge } from "../../src/doctor/report.js";
import type { Step, Visit } from "../../src/doctor/step.js";
import { browser } from "../../src/doctor/steps/browser.js";
import { createKeepAlive, keepAlive } from "../../src/doctor/steps/keep-alive.js";
import { replicas } from "../../src/doctor/steps/replicas.js";
import { stranger } from "../../src/doctor/steps/stranger.js";
import { stream } from "../../src/doctor/steps/stream.js";
import { streamable } from "../../src/doctor/steps/streamable.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { Balancer } from "../kit/cluster/balancer.js";
import { listen } from "../kit/listen.js";
import { signal as createSignal, until } from "../kit/waiting.js";
import { PAGE, targetOf } from "./broken/case.js";
import { CREDENTIAL, handWired, handWritten, ours } from "./broken/upstreams.js";

cleanUpAfterEach();

/** Makes some of the steps. */
async function gather(
  target: Target,
  steps: readonly Step[],
  { signal, known = {} }: { signal?: AbortSignal; known?: Partial<Evidence> } = {},
): Promise<Evidence> {
  const ask = createAsk(target, signal);
  let evidence: Evidence = { target, ...known };
  for (const step of steps) {
    const visit: Visit = { evidence, ask, signal: signal ?? new AbortController().signal };
    if (step.isNeeded(visit)) evidence = { ...evidence, [step.name]: await step.gather(visit) };
  }
  return evidence;
}

/** What is found in it. */
function idsIn(evidence: Evidence): string[] {
  return judge(evidence, FINDERS).map(({ id }) => id);
}

/** A server that notes what it is asked. */
async function noting(answer: RequestListener) {
  const asked: { method: string; url: string; headers: NodeJS.Dict<string | string[]> }[] = [];
  const { url } = await listen((req, res) => {
    asked.push({ method: req.method ?? "", url: req.url ?? "", headers: req.headers });
    answer(req, res);
  });
  return { url, asked };
}

describe("messages", () => {
  it("CLI-11: nothing goes to an endpoint of another origin", async () => {
    const other = await noting((_req, res) => void res.end());
    const { url } = await handWritten({
      endpoint: (session) => `${other.url}/m?session=${session}`,
    });
    const target = targetOf({ url: `${url}/sse`, credential: CREDENTIAL });
    const { findings } = await examine(target);
    expect(findings.map(({ id }) => id)).toEqual(["endpoint-origin", "open-to-strangers"]);
    expect(other.asked).toEqual([]);
  });

  it("CLI-11: a key in the URL is in no URL that does not repeat it, as clients post", async () => {
    const { url } = await handWritten({
      before: [
        (req, res, next) => {
          if (req.query["api_key"] !== undefined) next();
          else res.status(401).set("WWW-Authenticate", "ApiKey").end();
        },
      ],
    });
    const value = "key-in-the-url";
    const target = targetOf({ url: `${url}/sse` });
    const credentials = [{ kind: "query", name: "api_key", value }] as const;
    const { findings } = await examine({ ...target, credentials });
    expect(findings).toMatchObject([{ id: "post-credential-lost" }]);
    expect(findings[0]!.change).toContain("queryParam");
    expect(JSON.stringify(findings)).not.toContain(value);
  });
});

describe("replicas", () => {
  it("CLI-12: a session over HTTP+SSE that another process gets messages of", async () => {
    const { url } = await Balancer.start([await apart(), await apart()]);
    const target = targetOf({ url: `${url}/mcp/sse`, credential: CREDENTIAL });
    const evidence = await gather(target, [stranger, stream, replicas]);
    expect(evidence.replicas).toMatchObject([{ wire: "HTTP+SSE", asked: 10, lost: 5 }]);
    expect(idsIn(evidence)).toEqual(["replicas-without-routing"]);
  });

  it("CLI-12: a session over Streamable HTTP that another process gets messages of", async () => {
    const { url } = await Balancer.start([await apart(), await apart()]);
    const target = targetOf({ url: `${url}/mcp`, credential: CREDENTIAL });
    const evidence = await gather(target, [replicas], { known: await streamableOf(target) });
    expect(evidence.replicas).toMatchObject([{ wire: "Streamable HTTP", asked: 10, lost: 5 }]);
    expect(idsIn(evidence)).toEqual(["replicas-without-routing"]);
  });

  /** A router that knows of no other. */
  async function apart(): Promise<{ origin: string }> {
    return { origin: (await ours()).url };
  }
});

describe("an idle stream", () => {
  it("CLI-13: is over with the first comment", async () => {
    const { sseUrl, credential } = await ours({ keepAliveMs: 20 });
    const target = targetOf({ url: sseUrl, credential, isWatched: true });
    const evidence = await gather(target, [stranger, stream, keepAlive]);
    expect(evidence.keepAlive?.aliveMs).toBeGreaterThan(0);
    expect(idsIn(evidence)).toEqual([]);
  });

  it("CLI-13: on which nothing comes is a warning", async () => {
    const { url } = await handWired();
    const target = targetOf({ url: `${url}/sse`, isWatched: true });
    const evidence = await gather(target, [stranger, stream, createKeepAlive({ waitMs: 50 })]);
    expect(evidence.keepAlive?.waitedMs).toBeGreaterThan(40);
    expect(judge(evidence, FINDERS)).toMatchObject([{ id: "no-keep-alive", severity: "warning" }]);
  });

  it("CLI-13: is not watched in a hurry", async () => {
    const { url } = await handWired();
    const evidence = await gather(targetOf({ url: `${url}/sse` }), [stranger, stream, keepAlive]);
    expect(evidence.stream?.endpoint).toBeDefined();
    expect(evidence.keepAlive).toBeUndefined();
  });
});

describe("a page", () => {
  it("CLI-14: asks for what clients send, then with and without the credential", async () => {
    const { url, asked } = await noting((req, res) => {
      res.writeHead(req.headers["x-api-key"] === undefined ? 401 : 200).end();
    });
    const target = targetOf({ url: `${url}/sse`, credential: CREDENTIAL, origin: PAGE });
    const { stranger: alone } = await gather(target, [stranger]);
    asked.length = 0;
    await gather(target, [browser], { known: { stranger: alone! } });
    expect(asked.map(({ method }) => method)).toEqual(["OPTIONS", "GET", "GET"]);
    expect(asked.map(({ headers }) => headers["origin"])).toEqual([PAGE, PAGE, PAGE]);
    expect(asked.map(({ headers }) => headers["x-api-key"] !== undefined)).toEqual([
      false,
      false,
      true,
    ]);
    expect(asked[0]!.headers).toMatchObject({
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type,last-event-id,mcp-protocol-version,x-api-key",
    });
  });

  it("CLI-14: is not asked for without --origin", async () => {
    const { url } = await handWired();
    const evidence = await gather(targetOf({ url: `${url}/sse` }), [stranger, browser]);
    expect(evidence.browser).toBeUndefined();
  });
});

describe("what was begun is ended", () => {
  it("CLI-15: streams, when all is done", async () => {
    const streams = await countingStreams();
    await examine(targetOf({ url: `${streams.url}/sse`, origin: PAGE }));
    await streams.allGone();
    expect(streams.begun).toBeGreaterThan(3);
  });

  it("CLI-15: streams, when nobody waits any more", async () => {
    const left = new AbortController();
    const streams = await countingStreams(() => left.abort(new Error("left")));
    const examined = examine(targetOf({ url: `${streams.url}/sse` }), { signal: left.signal });
    await expect(examined).rejects.toThrow("left");
    await streams.allGone();
    expect(streams.begun).toBeGreaterThan(0);
  });

  it("CLI-15: a session of Streamable HTTP, when nobody waits any more", async () => {
    const left = new AbortController();
    const ended = createSignal();
    const { url } = await handWired((app) =>
      app.use((req, res, next) => {
        if (req.method === "DELETE") res.on("finish", () => ended.resolve());
        if (req.headers["mcp-session-id"] !== undefined) left.abort();
        next();
      }),
    );
    const target = targetOf({ url: `${url}/mcp` });
    const known = await streamableOf(target);
    await gather(target, [replicas], { signal: left.signal, known });
    await ended.promise;
  });

  /** A server that knows how many streams are open, and says when one begins. */
  async function countingStreams(onMessage: () => void = () => undefined) {
    const open = new Set<unknown>();
    let begun = 0;
    const { url } = await handWritten({
      before: [
        (req, res, next) => {
          if (req.method === "POST") onMessage();
          if (req.method === "GET") {
            begun++;
            open.add(res);
            res.on("close", () => open.delete(res));
          }
          next();
        },
      ],
    });
    return {
      url,
      get begun() {
        return begun;
      },
      allGone: () => until(() => open.size === 0),
    };
  }
});

/** What a step before would know of Streamable HTTP. */
async function streamableOf(target: Target): Promise<Partial<Evidence>> {
  const initialize = await createAsk(target)(target.url, {
    method: "POST",
    headers: { accept: ACCEPT },
    body: initializeRequest(1),
    isAuthorized: true,
  });
  return { streamable: { initialize, answer: answerIn(initialize, 1) } };
}

it("CLI-4: a server that answers initialize and nothing else is not waited for again and again", async () => {
  const { url, asked } = await noting((req, res) => {
    const isFirst = req.method === "POST" && req.headers["mcp-session-id"] === undefined;
    if (req.method === "DELETE") res.writeHead(200).end();
    if (!isFirst) return;
    const result = { protocolVersion: "2025-11-25", capabilities: { tools: {} } };
    res.writeHead(200, { "content-type": "application/json", "mcp-session-id": "a" });
    res.end(JSON.stringify({ jsonrpc: "2.0", id: 1, result }));
  });
  const target = { ...targetOf({ url }), timeoutMs: 500 };
  const evidence = await gather(target, [stranger, streamable, replicas]);
  expect(evidence.streamable?.initialized).toMatchObject({ code: "TIMEOUT" });
  expect(evidence.replicas).toBeUndefined();
  // The first three are a stranger's.
  expect(asked.slice(3).map(({ method }) => method)).toEqual(["POST", "POST", "DELETE"]);
});
