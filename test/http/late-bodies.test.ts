import type { IncomingMessage } from "node:http";
import { fromPassport } from "../../src/index.js";
import type { AuthConfig, PassportStrategy } from "../../src/index.js";
import { apikey } from "../../strategies/apikey.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { describeEveryMount, JWT_AUTH } from "../kit/serve.js";
import type { Conversation } from "../kit/conversation.js";
import { RawConnection } from "../kit/raw-http.js";
import { initialize, openSession, post, toolCall } from "../kit/raw-sse.js";

cleanUpAfterEach();

const KEY = "a-key-0123456789";
const OTHER = "another-key-0123456789";

/** A POST whose header is on its way, and of whose body the last byte is missing. */
async function begin(
  { postUrl }: Conversation,
  headers: Record<string, string>,
): Promise<(then: () => unknown) => Promise<{ status: number; head: string }>> {
  const { port, pathname, search, host } = new URL(postUrl);
  const connection = await RawConnection.open(Number(port));
  const body = JSON.stringify(toolCall(7, "echo", { text: "late" }));
  connection.write(
    [
      `POST ${pathname}${search} HTTP/1.1`,
      `Host: ${host}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
      "",
      body.slice(0, -1),
    ].join("\r\n"),
  );
  return async (then) => {
    await then();
    connection.write(body.slice(-1));
    return await connection.nextAnswer();
  };
}

/** Resolves when the server has heard all that was sent to it before, on another connection. */
async function heard(conversation: Conversation): Promise<void> {
  expect(await conversation.call("echo", { text: "heard" })).toBe("heard");
  expect(await conversation.call("echo", { text: "again" })).toBe("again");
}

describeEveryMount((serve) => {
  it("RIGHTS-3: a POST whose key is taken out of the list before its body came is refused", async () => {
    let keys = [KEY, OTHER];
    const { sseUrl } = await serve({ auth: { type: "apikey", options: { keys: () => keys } } });
    const conversation = await converse(sseUrl, { "x-api-key": KEY });
    const finish = await begin(conversation, { "x-api-key": KEY });
    await heard(conversation);
    const answer = await finish(() => (keys = [OTHER]));
    expect(answer.status).toBe(401);
    expect(conversation.stream.bytes).not.toContain("late");
  });

  it.each<[string, (known: Set<string>) => AuthConfig, (key: string) => Record<string, string>]>([
    ["a header", verified, (key) => ({ "x-api-key": key })],
    ["the query", (known) => verified(known, "api_key"), () => ({})],
  ])(
    "RIGHTS-3: a key in %s that may be withdrawn is asked about again",
    async (_in, auth, headers) => {
      const known = new Set([KEY]);
      const { sseUrl } = await serve({ auth: auth(known) });
      const isQuery = headers(KEY)["x-api-key"] === undefined;
      const url = isQuery ? `${sseUrl}?api_key=${KEY}` : sseUrl;
      const conversation = await converse(url, headers(KEY));
      const good = await begin(conversation, headers(KEY));
      await heard(conversation);
      expect((await later(() => good(() => undefined))).status).toBe(202);
      expect(await conversation.stream.nextMessage()).toMatchObject({ id: 7 });
      const finish = await begin(conversation, headers(KEY));
      await heard(conversation);
      const answer = await later(() => finish(() => known.clear()));
      expect(answer.status).toBe(401);
      expect(answer.head.toLowerCase()).toContain("www-authenticate");
      expect(conversation.stream.bytes.split("late")).toHaveLength(2);
    },
  );

  it("RIGHTS-3: a POST whose token has expired before its body came is refused", async () => {
    const auth = { ...JWT_AUTH, options: { ...JWT_AUTH.options, clockTolerance: 0 } };
    const { sseUrl } = await serve({ auth, sessions: { onTokenExpiry: "keep" } });
    const exp = Math.floor(Date.now() / 1000) + 60;
    const headers = asCaller({ exp });
    const conversation = await converse(sseUrl, headers);
    const finish = await begin(conversation, headers);
    await heard(conversation);
    const clock = jest.spyOn(Date, "now").mockReturnValue((exp + 1) * 1000);
    const answer = await finish(() => undefined);
    clock.mockRestore();
    expect(answer.status).toBe(401);
    expect(answer.head).toContain("expired");
  });

  it("RIGHTS-3: a POST of a caller whose sessions were closed meanwhile finds none", async () => {
    const { sseUrl, sessions } = await serve();
    const conversation = await converse(sseUrl, asCaller());
    const finish = await begin(conversation, asCaller());
    await heard(conversation);
    const { principal } = sessions.get(conversation.sessionId)!;
    expect((await finish(() => sessions.closeFor(principal))).status).toBe(404);
  });

  it("RIGHTS-1, RIGHTS-3: a POST finds no session that has got more rights before its body came", async () => {
    const { sseUrl } = await serve();
    const narrow = asCaller({ scope: "read" });
    const conversation = await converse(sseUrl, narrow);
    const finish = await begin(conversation, narrow);
    await heard(conversation);
    const widened = await post(
      conversation.postUrl,
      toolCall(8, "whoami"),
      asCaller({ scope: "read admin" }),
    );
    expect(widened.status).toBe(202);
    expect((await finish(() => undefined)).status).toBe(404);
    expect(conversation.stream.bytes).not.toContain("late");
  });

  it("RIGHTS-3: a method that takes each proof once is not asked again for a body in several pieces", async () => {
    const principal = (user: unknown) => user as { id: string };
    const { sseUrl } = await serve({ auth: fromPassport(new OneTimeProof(), { principal }) });
    let count = 0;
    const proof = () => ({ "x-proof": `${count++}` });
    const { postUrl, stream } = await openSession(sseUrl, proof());
    expect((await post(postUrl, initialize, proof())).status).toBe(202);
    const large = toolCall(7, "echo", { text: "x".repeat(200_000) });
    expect((await post(postUrl, large, proof())).status).toBe(202);
    expect((await post(postUrl, large, { "x-proof": "0" })).status).toBe(401);
    stream.close();
  });

  it("RIGHTS-3: a body that comes with its header costs no second look", async () => {
    let asked = 0;
    const verify = (key: string) => {
      asked++;
      return { id: key.slice(0, 5) };
    };
    const { sseUrl } = await serve({ auth: apikey({ verify }) });
    const { postUrl } = await converse(sseUrl, { "x-api-key": KEY });
    const before = asked;
    const { port, pathname, search, host } = new URL(postUrl);
    const connection = await RawConnection.open(Number(port));
    const body = JSON.stringify(toolCall(7, "whoami"));
    connection.write(
      [
        `POST ${pathname}${search} HTTP/1.1`,
        `Host: ${host}`,
        `X-API-Key: ${KEY}`,
        "Content-Type: application/json",
        `Content-Length: ${body.length}`,
        "",
        body,
      ].join("\r\n"),
    );
    expect((await connection.nextAnswer()).status).toBe(202);
    expect(asked).toBe(before + 1);
  });
});

/** Runs `what` with a clock that says that two seconds more have passed. */
async function later<T>(what: () => Promise<T>): Promise<T> {
  const now = performance.now.bind(performance);
  const clock = jest.spyOn(performance, "now").mockImplementation(() => now() + 2_000);
  try {
    return await what();
  } finally {
    clock.mockRestore();
  }
}

/** Takes each proof once, as methods do that must not be shown an old one. */
class OneTimeProof implements PassportStrategy {
  readonly name = "proof";
  // Passport runs an object made from this one, which has no private members.
  readonly seen = new Set<unknown>();

  authenticate(
    this: OneTimeProof & { success(user: object): void; fail(): void },
    req: IncomingMessage,
  ): void {
    const proof = req.headers["x-proof"];
    if (proof === undefined || this.seen.has(proof)) this.fail();
    else this.success({ id: "alice" });
    this.seen.add(proof);
  }
}

function verified(known: Set<string>, queryParam?: string): AuthConfig {
  const verify = (key: string) => (known.has(key) ? { id: "alice" } : undefined);
  return apikey({ verify, ...(queryParam !== undefined && { queryParam }) });
}
