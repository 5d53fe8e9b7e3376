import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller, converse } from "../kit/conversation.js";
import { createModernServer, listenTo, modernCall, postModern } from "../kit/modern.js";
import { send } from "../kit/raw-http.js";
import type { RawAnswer } from "../kit/raw-http.js";
import { initialized, openStream, toolCall } from "../kit/raw-sse.js";
import { begin, postMessage, serveMcp } from "../kit/streamable.js";

cleanUpAfterEach();

type Headers = Record<string, string>;

/** Whoever is not Alice, as near to her as somebody else can be. */
const STRANGERS: readonly [string, Headers][] = [
  ["another subject", asCaller({ sub: "bob" })],
  ["her name in capitals", asCaller({ sub: "ALICE" })],
  ["nobody in particular", asCaller({ sub: undefined })],
  ["another client of hers", asCaller({ client_id: "another" })],
  ["her name at another issuer", asCaller({ iss: "https://elsewhere.example" })],
];

const UNKNOWN = "00000000-0000-4000-8000-000000000000";

/** All of an answer that a client could tell from another. */
function bytesOf({ status, rawHeaders, text }: RawAnswer) {
  const date = rawHeaders.indexOf("Date");
  return [status, rawHeaders.filter((_, index) => date < 0 || index !== date + 1), text] as const;
}

/** Every request that belongs to a session, as somebody sends it who has learned its ids. */
function requestsOf(url: string, session: string, events: readonly string[], caller: Headers) {
  const named = { ...caller, "mcp-session-id": session };
  const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 7 } };
  const accept = "text/event-stream";
  return Promise.all([
    postMessage(url, "no json", named),
    postMessage(url, toolCall(7, "whoami"), named),
    postMessage(url, cancel, named),
    postMessage(url, initialized, named),
    postMessage(url, { jsonrpc: "2.0", id: 0, result: {} }, named),
    send(url, { headers: { ...named, accept } }),
    ...events.map((id) => send(url, { headers: { ...named, accept, "last-event-id": id } })),
    send(url, { method: "DELETE", headers: named }),
  ]);
}

describe("a stranger who knows a session's ids", () => {
  it.each(STRANGERS)(
    "STREAMABLE-3, STREAMABLE-10, STREAMABLE-15, MESSAGE-3: is answered as for a session that there is not: %s",
    async (_who, stranger) => {
      const served = await serveMcp({ createServer: () => createModernServer() });
      for (const url of [served.mcpUrl, served.sseUrl]) {
        const alice = await begin(url);
        const get = await alice.listen();
        const call = await alice.stream({
          ...toolCall(7, "steps"),
          params: { name: "steps", _meta: { progressToken: 7 } },
        });
        const [priming, event] = [await get.nextEvent(), await call.nextEvent()];
        const before = [get.bytes, served.router.sessions.size];
        const ids = [priming.id!, event.id!];
        const foreign = await requestsOf(url, alice.sessionId, ids, stranger);
        const unknown = await requestsOf(
          url,
          UNKNOWN,
          ids.map((id) => id.replace(alice.sessionId, UNKNOWN)),
          stranger,
        );
        // What cannot be read may be anything, and is refused as such, whoever sends it.
        const [unreadable, ...named] = foreign;
        expect([unreadable.status, ...named.map(({ status }) => status)]).toEqual([
          400,
          ...named.map(() => 404),
        ]);
        expect(foreign.map(bytesOf)).toEqual(unknown.map(bytesOf));
        // In a session of his own her events are none that there ever were.
        const own = await begin(url, stranger);
        const never = ids.map((id) => id.replace(alice.sessionId, UNKNOWN));
        const [hers, nobodys] = [
          await Promise.all(ids.map((id) => send(url, lastSeen(own.headers, id)))),
          await Promise.all(never.map((id) => send(url, lastSeen(own.headers, id)))),
        ];
        expect(hers.map(({ status }) => status)).toEqual([400, 400]);
        expect(hers.map(bytesOf)).toEqual(nobodys.map(bytesOf));
        expect([get.bytes, served.router.sessions.size - 1]).toEqual(before);
        expect(await alice.call("echo", { text: "untouched" })).toBe("untouched");
        get.close();
      }
    },
  );

  it.each(STRANGERS)(
    "MESSAGE-3, RESUME-1: gets nothing of a session over HTTP+SSE, neither by its id nor by its events: %s",
    async (_who, stranger) => {
      const { sseUrl, url } = await serveMcp({ createServer: () => createModernServer() });
      const alice = await converse(sseUrl);
      await alice.call("echo", { text: "for alice" });
      const messages = (id: string) =>
        Promise.all(
          [toolCall(7, "whoami"), initialized, "no json"].map((message) =>
            postMessage(`${url}/mcp/messages?sessionId=${id}`, message, stranger),
          ),
        );
      const foreign = (await messages(alice.sessionId)).map(bytesOf);
      expect(foreign.map(([status]) => status)).toEqual([404, 404, 404]);
      expect(foreign).toEqual((await messages(UNKNOWN)).map(bytesOf));
      // Whoever names an event of hers has a session of his own.
      const own = await openStream(sseUrl, {
        ...stranger,
        "last-event-id": `${alice.sessionId}:0`,
      });
      expect((await own.nextEvent()).data).not.toContain(alice.sessionId);
      expect(own.bytes).not.toContain("for alice");
      expect(await alice.call("echo", { text: "untouched" })).toBe("untouched");
    },
  );

  it("MODERN-1, MODERN-11: is himself in requests without a session, whatever session they name", async () => {
    const { mcpUrl, sseUrl, router } = await serveMcp({
      createServer: () => createModernServer(),
    });
    const bob = asCaller({ sub: "bob" });
    for (const url of [mcpUrl, sseUrl]) {
      const alice = await begin(url);
      const [principal] = router.sessions.list().map((session) => session.principal!);
      const theirs = await listenTo(url, { toolsListChanged: true });
      const answers = [alice.sessionId, UNKNOWN].map((id) =>
        postModern(url, modernCall(7, "whoami"), { ...bob, "mcp-session-id": id }),
      );
      const [named, unnamed] = await Promise.all(answers);
      expect(bytesOf(named!)).toEqual(bytesOf(unnamed!));
      expect(JSON.parse(named!.json.result.content[0].text)).toMatchObject({ id: "bob" });
      const his = await listenTo(
        url,
        { toolsListChanged: true, resourceSubscriptions: ["note://alice"] },
        { ...bob, "mcp-session-id": alice.sessionId },
      );
      router.notify.toolsChanged(principal);
      await theirs.nextMessage();
      router.notify.promptsChanged();
      router.notify.toolsChanged((to) => to?.id === "bob");
      await his.nextMessage();
      expect(his.bytes.match(/list_changed/g)).toHaveLength(1);
      expect(await alice.call("echo", { text: "untouched" })).toBe("untouched");
      his.close();
      theirs.close();
      await alice.delete();
    }
  });
});

const lastSeen = (headers: Headers, id: string) => ({
  headers: { ...headers, accept: "text/event-stream", "last-event-id": id },
});
