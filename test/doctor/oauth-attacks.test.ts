import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import express from "express";
import type { RequestListener } from "node:http";
import { createAsk } from "../../src/doctor/ask.js";
import type { Ask, Reply, Target } from "../../src/doctor/contract.js";
import { examine } from "../../src/doctor/examine.js";
import type { Report } from "../../src/doctor/report.js";
import { discovery } from "../../src/doctor/steps/discovery.js";
import { token } from "../../src/doctor/steps/token.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { fakeIssuer } from "../kit/resource-server.js";
import { faults } from "../kit/fake-issuer.js";
import { forgedToken } from "../kit/tokens.js";
import { bearerOf } from "./broken/credentials.js";
import { refusing, serveAt } from "./broken/oauth.js";

cleanUpAfterEach();

const DOCUMENT = "/.well-known/oauth-protected-resource/mcp";

function targetAt(url: string, change: Partial<Target> = {}): Target {
  return { url: new URL(url), credentials: [], timeoutMs: 10_000, isQuick: true, ...change };
}

/** What the step asked, and what came of it. */
async function discoverAt(target: Target): Promise<readonly Reply[]> {
  const replies: Reply[] = [];
  const signal = new AbortController().signal;
  const asking = createAsk(target, signal);
  const ask: Ask = async (url, init) => {
    const reply = await asking(url, init);
    replies.push(reply);
    return reply;
  };
  const stranger = { get: await asking(target.url), post: await asking(target.url) };
  const part = await discovery.gather({ ask, signal, evidence: { target, stranger } });
  await token.gather({ ask, signal, evidence: { target, stranger, discovery: part! } });
  return replies;
}

/** A server that refuses everybody, with a document that says what is given. */
async function naming(change: Readonly<Record<string, unknown>>, challenge = "Bearer") {
  return await refusing(
    () => challenge,
    (origin) => ({ [DOCUMENT]: { resource: `${origin}/mcp`, ...change } }),
  );
}

/** A server that counts who comes, and answers as it is told. */
async function sink(
  answer: RequestListener = (_req, res) => void res.writeHead(404).end(),
): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((req, res) => {
    asked.push(req.url ?? "");
    answer(req, res);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onDispose(async () => {
    const closed = once(server.close(), "close");
    server.closeAllConnections();
    await closed;
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

describe("CLI-27: nobody is asked whom a document may not name", () => {
  const NAMED = [
    "http://169.254.169.254/latest/meta-data",
    "file:///etc/passwd",
    "http://intranet.example/",
    "ftp://127.0.0.1/",
    "http://user:password@127.0.0.1/",
    "http:169.254.169.254",
    "http:\\\\169.254.169.254",
    "//169.254.169.254/",
    "http://169.254.169.254\t.example/",
    "javascript:alert(1)",
    "",
  ];

  it.each(NAMED)("as an issuer: %j", async (issuer) => {
    const { url } = await naming({ authorization_servers: [issuer] });
    const others = (await discoverAt(targetAt(url))).filter(
      (reply) => reply.url.origin !== new URL(url).origin,
    );
    for (const reply of others) expect(reply).toMatchObject({ code: "NOT_ALLOWED" });
  });

  it.each(NAMED)("as resource_metadata: %j", async (named) => {
    const escaped = named.replace(/\\/g, "\\\\");
    const { url } = await naming({}, `Bearer resource_metadata="${escaped}"`);
    const others = (await discoverAt(targetAt(url))).filter(
      (reply) => reply.url.origin !== new URL(url).origin,
    );
    for (const reply of others) expect(reply).toMatchObject({ code: "NOT_ALLOWED" });
  });

  it.each(NAMED)("as jwks_uri, with a token of that issuer: %j", async (jwksUri) => {
    const issuer = await fakeIssuer();
    issuer.metadata = { jwks_uri: jwksUri };
    const { url } = await naming({ authorization_servers: [issuer.url] });
    const value = forgedToken({ alg: "RS256" }, { iss: issuer.url }, "any");
    const known = [new URL(url).origin, issuer.origin];
    const replies = await discoverAt(targetAt(url, { credentials: [bearerOf(value)] }));
    const others = replies.filter((reply) => !known.includes(reply.url.origin));
    for (const reply of others) expect(reply).toMatchObject({ code: "NOT_ALLOWED" });
    expect(issuer.requests.map(({ headers }) => headers.authorization)).not.toContain(
      `Bearer ${value}`,
    );
  });

  it("and of those that it may, only the first few", async () => {
    const { url: named, asked } = await sink();
    const many = Array.from({ length: 10_000 }, (_, at) => `${named}/${at}`);
    const { url } = await naming({ authorization_servers: many });
    await discoverAt(targetAt(url));
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.length).toBeLessThan(20);
  });

  it("a token names nobody to ask", async () => {
    const { url: named, asked } = await sink();
    const { url } = await naming({ authorization_servers: [] });
    const claims = { iss: named, jku: `${named}/keys` };
    const value = forgedToken({ alg: "RS256", jku: `${named}/keys`, x5u: named }, claims, "any");
    await examine(targetAt(url, { credentials: [bearerOf(value)] }));
    expect(asked).toEqual([]);
  });

  it("no redirect is followed", async () => {
    const { url: named, asked } = await sink();
    const origin = await serveAt(() =>
      express()
        .use("/.well-known", (_req, res) => res.redirect(`${named}/there`))
        .use("/mcp", (_req, res) => void res.set("WWW-Authenticate", "Bearer").status(401).end()),
    );
    await examine(targetAt(`${origin}/mcp`));
    expect(asked).toEqual([]);
  });
});

describe("CLI-27: what does not end is not waited for", () => {
  const FLOOD = faults.endless();

  it("documents without end, and one of a gigabyte", async () => {
    const issuer = await fakeIssuer();
    issuer.fail("metadata", FLOOD);
    const origin = await serveAt((self) =>
      express()
        .get(DOCUMENT, (_req, res) => {
          res.json({ resource: `${self}/mcp`, authorization_servers: [issuer.url] });
        })
        .get("/.well-known/oauth-protected-resource", (_req, res) => {
          res.set("Content-Length", String(1_000_000_000));
          FLOOD(res);
        })
        .use("/mcp", (_req, res) => void res.set("WWW-Authenticate", "Bearer").status(401).end()),
    );
    const { findings } = await examine(targetAt(`${origin}/mcp`));
    expect(findings.map(({ id }) => id)).toContain("discovery-has-page");
  });

  it("a key set that stalls, and one without end", async () => {
    for (const fault of [FLOOD, faults.stall()]) {
      const issuer = await fakeIssuer();
      issuer.fail("jwks", fault);
      const { url } = await naming({ authorization_servers: [issuer.url] });
      const value = forgedToken({ alg: "RS256", kid: "k" }, { iss: issuer.url }, "any");
      const target = targetAt(url, { credentials: [bearerOf(value)], timeoutMs: 500 });
      await examine(target);
      expect(issuer.requestsTo("jwks")).toHaveLength(1);
    }
  });
});

describe("CLI-24: what servers and tokens say is shown, and not obeyed", () => {
  const EVIL = "\u001b[2J\u009b31m\r\n\u202e\u{e0041}evil";

  function expectPlain(report: Report): void {
    for (const { seen, cause, change } of report.findings) {
      for (const text of [seen, cause, change]) expect(text).not.toMatch(/\p{C}|\p{Zl}|\p{Zp}/u);
    }
    for (const { text } of report.steps) expect(text).not.toMatch(/\p{C}|\p{Zl}|\p{Zp}/u);
  }

  it("in documents", async () => {
    const { url } = await naming({
      resource: EVIL,
      authorization_servers: [EVIL, `http://127.0.0.1:9/${EVIL}`],
    });
    const report = await examine(targetAt(url));
    expect(report.findings.map(({ id }) => id)).toEqual(["resource-differs", "issuer-refused"]);
    expectPlain(report);
  });

  it("in metadata of issuers", async () => {
    const issuer = await fakeIssuer();
    issuer.metadata = {
      issuer: EVIL,
      token_endpoint: EVIL,
      code_challenge_methods_supported: [EVIL],
    };
    const { url } = await naming({ authorization_servers: [issuer.url] });
    const report = await examine(targetAt(url));
    expect(report.findings.map(({ id }) => id)).toContain("issuer-differs");
    expectPlain(report);
  });

  it("in tokens, whatever their claims are called", async () => {
    const issuer = await fakeIssuer();
    const { url } = await naming({ authorization_servers: [issuer.url] });
    const claims = `{"__proto__":{"polluted":1},"constructor":1,"iss":${JSON.stringify(EVIL)},"aud":${JSON.stringify([EVIL])},"exp":1e400,"nbf":"x","scope":{"a":1}}`;
    const [head = ""] = forgedToken({ alg: EVIL, kid: EVIL, typ: "JWT" }, {}).split(".");
    const value = `${head}.${Buffer.from(claims).toString("base64url")}.c2ln`;
    const report = await examine(targetAt(url, { credentials: [bearerOf(value)] }));
    expect(report.findings.map(({ id }) => id)).toContain("token-other-issuer");
    expectPlain(report);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it("in refusals, which repeat the credential too", async () => {
    const value = "a-secret-that-is-repeated-0123456789";
    const origin = await serveAt(() => (_req, res) => {
      const body = { error: EVIL, error_description: `${EVIL} ${value} is wrong` };
      res.writeHead(401, { "WWW-Authenticate": `Bearer error_description="${value}"` });
      res.end(JSON.stringify(body));
    });
    const report = await examine(
      targetAt(`${origin}/mcp`, { credentials: [{ kind: "header", name: "X-Key", value }] }),
    );
    expect(report.findings.map(({ id }) => id)).toEqual(["credential-refused"]);
    expectPlain(report);
    expect(JSON.stringify(report)).not.toContain(value);
  });

  it("and the longest token takes no time", async () => {
    const { url } = await naming({});
    const value = forgedToken({ alg: "RS256" }, { aud: "x".repeat(40_000) }, "any");
    const report = await examine(targetAt(url, { credentials: [bearerOf(value)] }));
    expect(report.steps.map(({ name }) => name)).toContain("token");
    expect(JSON.stringify(report)).not.toContain(value.slice(0, 100));
    expect(JSON.stringify(report).length).toBeLessThan(20_000);
  });
});
