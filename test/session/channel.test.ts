import { SessionTransport } from "../../src/http/session-transport.js";
import type { RouterSession, Sessions } from "../../src/http/router-session.js";
import { NO_LIMITS } from "../../src/session/limits.js";
import { LocalSessionRegistry } from "../../src/session/local-session-registry.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { freezeTimers } from "../kit/clock.js";
import { converse } from "../kit/conversation.js";
import { mailboxSession } from "../kit/mailbox-channel.js";
import type { MailboxChannel } from "../kit/mailbox-channel.js";
import { send } from "../kit/raw-http.js";
import { initialize, openStream } from "../kit/raw-sse.js";
import { serveRouter } from "../kit/serve.js";
import { sseSession } from "../kit/sse-session.js";
import { isSettled } from "../kit/waiting.js";

cleanUpAfterEach();

const call = (id: number | string, method = "tools/call") =>
  ({ jsonrpc: "2.0", id, method }) as const;
const answer = (id: number) => ({ jsonrpc: "2.0", id, result: {} }) as const;

function openedSession(init?: Parameters<typeof mailboxSession>[1]) {
  const session = mailboxSession("alice", init);
  session.channel.open();
  return session;
}

describe("a session, whatever its channel", () => {
  it("SESSION-3: is in the state of its channel until it has ended", async () => {
    const session = mailboxSession("alice");
    const transport = new SessionTransport(session);
    expect(session.state).toBe("opening");
    await expect(transport.send(answer(1))).rejects.toThrow("Not connected");
    expect(() => session.receive(call(1), {})).toThrow();
    await transport.start();
    expect(session.state).toBe("open");
    session.channel.leave(1_000);
    expect(session.state).toBe("detached");
    session.close();
    expect(session.state).toBe("closed");
    expect(session.channel.told).toEqual(["open", "end closed-by-application"]);
  });

  it("SESSION-3: is not connected when its channel cannot open", async () => {
    const session = mailboxSession("alice");
    session.channel.open = () => {
      throw new Error("cannot open");
    };
    const transport = new SessionTransport(session);
    await expect(transport.start()).rejects.toThrow("cannot open");
    expect(session.state).toBe("opening");
  });

  it("SESSION-4: gives its channel each message as it is to be written, and counts what is open", async () => {
    const session = openedSession();
    session.receive(call(1), {});
    expect(session.channel.told).toEqual(["open", "received tools/call"]);
    expect(session.inFlight).toBe(1);
    await session.send(answer(1));
    expect(session.channel.mail).toEqual([JSON.stringify(answer(1))]);
    expect([session.inFlight, session.hasWaitingAnswer]).toEqual([0, true]);
    expect(session.bytes.outgoing).toBeGreaterThan(0);
  });

  it("MESSAGE-11: gives it an error in place of an answer that is no JSON", async () => {
    const session = openedSession();
    session.receive(call(1), {});
    await expect(session.send({ jsonrpc: "2.0", id: 1, result: { size: 1n } })).rejects.toThrow();
    expect(session.channel.mail).toEqual([expect.stringContaining('"code":-32603')]);
    expect(session.inFlight).toBe(0);
  });

  it("SESSION-4: knows nothing of a message that its channel keeps or refuses", () => {
    const session = openedSession();
    const received = jest.fn();
    session.onmessage = received;
    session.receive(call("mine"), {});
    expect(() => session.receive(call(1, "refused"), {})).toThrow("refused");
    expect(received).not.toHaveBeenCalled();
    expect([session.inFlight, session.isUninitialized]).toEqual([0, true]);
    expect(session.channel.told).toEqual(["open"]);
  });

  it("RESUME-13: is suspended when its credential ends, or ends where nobody can come back", () => {
    freezeTimers();
    const [one, other] = [0, 1].map(() => openedSession({ validUntil: Date.now() + 50 }));
    other!.channel.canReturn = false;
    jest.advanceTimersByTime(50);
    expect([one!.state, other!.state]).toEqual(["detached", "closed"]);
    expect(other!.channel.told).toEqual(["open", "suspend", "end credential-expired"]);
    one!.channel.open();
    jest.advanceTimersByTime(10_000);
    expect(one!.state).toBe("open");
  });

  it("RESUME-8: ends when its client does not come back in time", () => {
    freezeTimers();
    const session = openedSession();
    session.channel.leave(1_000);
    jest.advanceTimersByTime(999);
    expect(session.state).toBe("detached");
    jest.advanceTimersByTime(1);
    expect(session.closeReason).toBe("grace-expired");
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe("sessions of several transports in one registry", () => {
  const limits = { ...NO_LIMITS, maxSessionsPerPrincipal: 2, maxInFlight: 1 };
  const begin = call(0, "initialize");

  function registryOf(...names: string[]) {
    const registry = new LocalSessionRegistry<string>({
      ownerKeyOf: (principal) => `key of ${principal}`,
      onListenerError: (error) => {
        throw error as Error;
      },
      limits,
    });
    const sessions = names.map((name) => mailboxSession(name));
    for (const session of sessions) {
      registry.add(session);
      session.channel.open();
    }
    return { registry, sessions };
  }

  it("LIMIT-2: count for one owner, and the one goes that can best be spared", async () => {
    const { registry, sessions } = registryOf("alice", "alice", "alice", "bob");
    const [busy, idle, third, bobs] = sessions;
    const overSse = sseSession({ principal: "alice", ownerKey: "key of alice" });
    registry.add(overSse);
    for (const session of [busy!, idle!, bobs!]) session.receive(begin, {});
    await idle!.send(answer(0));
    await bobs!.send(answer(0));
    for (const { channel } of [idle!, bobs!]) channel.fetch();
    third!.receive(begin, {});
    expect(idle!.closeReason).toBe("made-room");
    expect(idle!.channel.told.at(-1)).toBe("end made-room");
    expect([busy!, third!, bobs!].map(({ state }) => state)).toEqual(["open", "open", "open"]);
    expect(() => third!.receive(call(1), {})).toThrow(/no answer yet/);
  });

  it("SESSION-5: end together, and a shutdown waits for what each has to say", async () => {
    const { registry, sessions } = registryOf("alice", "bob");
    const [alices, bobs] = sessions;
    alices!.receive(begin, {});
    await alices!.send(answer(0));
    const settled = registry.whenSettled();
    expect(await isSettled(settled)).toBe(false);
    alices!.channel.fetch();
    await settled;
    await registry.endAll("shutting-down");
    expect(bobs!.channel.told.at(-1)).toBe("end shutting-down");
    expect(registry.size).toBe(0);
  });

  it("AUTH-9, RESUME-4: HTTP+SSE goes on with none of another transport, although it is its owner's", async () => {
    const { sseUrl, sessions } = await serveRouter();
    const { postUrl, sessionId, headers } = await converse(sseUrl);
    const { ownerKey, mount, path, principal, request } = sessions.get(sessionId) as RouterSession;
    const init = { ownerKey, mount, path, request };
    const other = mailboxSession("", init) as unknown as RouterSession & {
      channel: MailboxChannel;
    };
    other.renew(principal);
    (sessions as unknown as Sessions).add(other);
    other.channel.open();
    // Its own owner asks for it, by a POST and by a GET.
    for (const id of [other.id, "00000000-0000-4000-8000-000000000000"]) {
      const body = { method: "POST", headers, body: JSON.stringify(initialize) };
      const { status, json } = await send(postUrl.replace(sessionId, id), body);
      expect([status, json.error.data.code]).toEqual([404, "session_not_found"]);
      const stream = await openStream(sseUrl, { ...headers, "last-event-id": `${id}:0` });
      expect((await stream.nextEvent()).data).not.toContain(id);
    }
    expect([other.isUninitialized, other.channel.told]).toEqual([true, ["open"]]);
  });
});
