import express from "express";
import { personField } from "../../src/monitor/person.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { serveCluster } from "../kit/cluster/routers.js";
import { asCaller } from "../kit/conversation.js";
import { listen } from "../kit/listen.js";
import { endLinkOf, letIn, partOf, serveMonitor, textIn } from "../kit/monitor.js";
import { Person } from "../kit/person.js";
import { send } from "../kit/raw-http.js";
import { JWT_AUTH } from "../kit/serve.js";
import { begin } from "../kit/streamable.js";

cleanUpAfterEach();

const ALICE = { id: "alice", issuer: undefined };

/** What makes a form one that was shown here. */
function tokenIn(page: string): string {
  return /name="token" value="([^"]+)"/.exec(page)?.[1] ?? "";
}

describe("FACT-55, FACT-56: somebody's sessions", () => {
  /** An operator who is asked about alice. */
  async function ask(options: Parameters<typeof serveMonitor>[0] = {}) {
    const served = await serveMonitor(options);
    const { mcpUrl, pageUrl, operator } = served;
    const alice = await begin(mcpUrl, asCaller({ sub: "alice" }));
    await begin(mcpUrl, asCaller({ sub: "bob" }));
    const page = await operator.visit(pageUrl);
    const question = await operator.visit(new URL(endLinkOf(page.text, "alice"), pageUrl).href);
    return { ...served, alice, question };
  }

  it("are ended after a question, and nobody else's", async () => {
    const { question, operator, router } = await ask();
    expect(textIn(question.text)).toContain("1 session of alice jwt");
    const cookie = operator.cookies.find(/^mcp-monitor$/);
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Lax", secure: false });
    const answer = await operator.submit(question, {});
    expect([answer.status, textIn(answer.text)]).toEqual([
      200,
      expect.stringContaining("1 session of alice has ended."),
    ]);
    expect(router.sessions.list().map(({ principal }) => principal?.id)).toEqual(["bob"]);
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  it("are ended where a parser of the app has read the form", async () => {
    const { question, operator, router } = await ask({ before: [express.urlencoded()] });
    await operator.submit(question, {});
    expect(router.sessions.size).toBe(1);
  });

  it("are not ended by JSON, even where a parser of the app has read it", async () => {
    const { question, operator, router, url } = await ask({ before: [express.json()] });
    const token = tokenIn(question.text);
    const answer = await send(question.url, {
      method: "POST",
      headers: {
        ...{ "content-type": "application/json", origin: url },
        cookie: operator.cookies.for(question.url),
      },
      body: JSON.stringify({ token, person: personField(ALICE) }),
    });
    expect([answer.status, router.sessions.size]).toEqual([403, 2]);
  });

  it("are asked about by no name that would be in a log", async () => {
    const { question } = await ask();
    expect(question.url).toMatch(/\/admin\/mcp\/end\?who=[\w-]{16}$/);
    const unknown = await send(question.url.replace(/who=.*/, "who=alice"));
    expect([unknown.status, textIn(unknown.text)]).toEqual([
      404,
      expect.stringContaining("Nobody"),
    ]);
  });

  it.each([
    ["a form of another site", { origin: "https://evil.example" }],
    ["a form of another site, as browsers of today send it", { "sec-fetch-site": "cross-site" }],
    ["a form of a neighbour", { "sec-fetch-site": "same-site" }],
    ["a form of a sandboxed page", { origin: "null" }],
    ["no form", { "content-type": "text/plain" }],
    ["no form, but JSON", { "content-type": "application/json" }],
  ])("are not ended by %s", async (_what, headers) => {
    const { question, operator, router } = await ask();
    const answer = await operator.submit(question, {}, { headers });
    expect([answer.status, router.sessions.size]).toEqual([403, 2]);
  });

  it("are not ended without a word on where the form is from", async () => {
    const { question, operator, router } = await ask();
    const token = tokenIn(question.text);
    const body = new URLSearchParams({ token, person: personField(ALICE) }).toString();
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const cookie = operator.cookies.for(question.url);
    const post = async (headers: Record<string, string>) =>
      (await send(question.url, { method: "POST", body, headers: { ...form, cookie, ...headers } }))
        .status;
    const origin = new URL(question.url).origin;
    expect(await post({})).toBe(403);
    expect(await post({ referer: question.url })).toBe(403);
    expect(await post({ origin, cookie: "" })).toBe(403);
    const byGet = `${question.url}&${body}`;
    expect((await send(byGet, { headers: { cookie, origin } })).status).toBe(200);
    expect(router.sessions.size).toBe(2);
    expect(await post({ origin })).toBe(200);
    expect(router.sessions.size).toBe(1);
  });

  it("are not ended by a token of another visit, or about somebody else", async () => {
    const { question, operator, router, url } = await ask();
    const other = new Person([url]);
    await other.visit(question.url);
    expect((await other.submit(question, {})).status).toBe(403);
    expect(
      (await operator.submit(question, { person: personField({ ...ALICE, id: "bob" }) })).status,
    ).toBe(403);
    expect(
      (await operator.submit(question, { person: personField({ ...ALICE, issuer: "x" }) })).status,
    ).toBe(403);
    expect((await operator.submit(question, { person: "" })).status).toBe(403);
    expect((await operator.submit(question, { token: "" })).status).toBe(403);
    expect((await operator.submit(question, { more: "x".repeat(70_000) })).status).toBe(403);
    expect(router.sessions.size).toBe(2);
    expect((await operator.submit(question, {})).status).toBe(200);
  });

  it("are ended together with those of the same name by another method, which the page says", async () => {
    const key = "a-key-of-the-one-who-is-called-ci";
    const { pageUrl, mcpUrl, operator, router } = await serveMonitor({
      auth: [{ type: "apikey", options: { keys: [{ id: "ci", key }] } }, JWT_AUTH],
    });
    await begin(mcpUrl, { "x-api-key": key });
    await begin(mcpUrl, asCaller({ sub: "ci", iss: "https://issuer.example" }));
    const page = await operator.visit(pageUrl);
    const question = await operator.visit(new URL(endLinkOf(page.text, "ci"), pageUrl).href);
    expect(textIn(question.text)).toMatch(
      /1 session of ci apikey .*1 session of ci jwt , of https:/,
    );
    await operator.submit(question, {});
    expect(router.sessions.size).toBe(0);
  });
});

describe("FACT-57: in a cluster", () => {
  /** Two nodes with a monitor each, and alice at both. */
  async function serveNodes() {
    const { nodes } = await serveCluster();
    const [one, other] = nodes;
    const serve = async ({ router }: typeof one) =>
      `${(await listen(express().use("/monitor", router.monitor({ guard: letIn })))).url}/monitor/`;
    const [pageUrl, otherUrl] = [await serve(one), await serve(other)];
    await begin(one.mcpUrl, asCaller({ sub: "alice" }));
    await begin(other.mcpUrl, asCaller({ sub: "alice" }));
    const operator = new Person([pageUrl, otherUrl]);
    const ask = async () => {
      const page = await operator.visit(pageUrl);
      return {
        page: page.text,
        question: await operator.visit(`${pageUrl}${endLinkOf(page.text, "alice")}`),
      };
    };
    return { one, other, pageUrl, otherUrl, operator, ask };
  }

  it("sessions of all nodes are shown, and ended; nodes that do not answer are named", async () => {
    const { other, operator, ask, pageUrl } = await serveNodes();
    const { page, question } = await ask();
    expect(partOf(page, "nodes")).toMatch(/Nodes 2 Up: .* this node 1 session/);
    expect(partOf(page, "people")).toMatch(/alice jwt .*2 /);
    expect(partOf(page, "sessions")).toContain(other.router.cluster!.node.slice(0, 8));

    await other.crash();
    const answer = await operator.submit(question, {});
    expect(textIn(answer.text)).toContain("1 session of alice has ended, at 1 node");
    expect(textIn(answer.text)).toContain(`Not answering: ${other.router.cluster!.node}`);
    const later = await operator.visit(pageUrl);
    expect(partOf(later.text, "nodes")).toContain("Their sessions are not in the lists.");
  });

  it("any node takes the form that another has shown", async () => {
    const { one, other, operator, ask, otherUrl } = await serveNodes();
    const { question } = await ask();
    const answer = await operator.submit({ ...question, url: `${otherUrl}end` }, {});
    expect(textIn(answer.text)).toContain("2 sessions of alice have ended, at 2 nodes");
    expect([one.router.sessions.size, other.router.sessions.size]).toEqual([0, 0]);
  });
});
