import { sseSession } from "../kit/sse-session.js";
import { LocalSessionRegistry } from "../../src/session/local-session-registry.js";

function createRegistry() {
  const errors: unknown[] = [];
  const registry = new LocalSessionRegistry<string>({
    ownerKeyOf: (principal) => `key of ${principal}`,
    onListenerError: (error) => errors.push(error),
  });
  const add = (principal: string) => {
    const session = sseSession({ principal, ownerKey: `key of ${principal}` });
    registry.add(session);
    return session;
  };
  return { registry, add, errors };
}

/** A request of the owner with this key. */
const by = (ownerKey: string) => ({
  ownerKey,
  principal: undefined,
  request: { headers: {}, url: "/messages" },
});

it("SESSION-3: keeps sessions, oldest first, until they end", () => {
  const { registry, add } = createRegistry();
  const [a, b, c] = [add("alice"), add("bob"), add("alice")];
  expect(registry.size).toBe(3);
  expect(registry.list()).toEqual([a, b, c]);
  expect(registry.get(b.id)).toBe(b);
  b.end("client-disconnected");
  expect(registry.list()).toEqual([a, c]);
  expect(registry.get(b.id)).toBeUndefined();
});

it("SESSION-3: a list stays as it is while its sessions are closed", () => {
  const { registry, add } = createRegistry();
  for (let index = 0; index < 10; index++) add("alice");
  for (const { id } of registry.list()) expect(registry.close(id)).toBe(true);
  expect(registry.size).toBe(0);
});

it("AUTH-9: finds a session for its owner only", () => {
  const { registry, add } = createRegistry();
  const session = add("alice");
  expect(registry.find(session.id, by("key of alice"))).toBe(session);
  expect(registry.find(session.id, by("key of bob"))).toBeUndefined();
  expect(registry.find(session.id, by(""))).toBeUndefined();
  session.renew("bob");
  expect(registry.find(session.id, by("key of bob"))).toBeUndefined();
  session.close();
  expect(registry.find(session.id, by("key of alice"))).toBeUndefined();
});

it.each(["__proto__", "constructor", "toString", "", "\0", "size", "x".repeat(100_000)])(
  "MESSAGE-10: has no session called %.20j",
  (id) => {
    const { registry, add } = createRegistry();
    add("alice");
    expect(registry.get(id)).toBeUndefined();
    expect(registry.find(id, by("key of alice"))).toBeUndefined();
    expect(registry.close(id)).toBe(false);
    expect(registry.size).toBe(1);
  },
);

it("SESSION-5: closeFor ends that principal's sessions and no others", () => {
  const { registry, add } = createRegistry();
  const [a, b, c] = [add("alice"), add("bob"), add("alice")];
  const reasons: string[] = [];
  for (const session of [a, b, c]) session.onClosed((reason) => reasons.push(reason));
  expect(registry.closeFor("alice")).toBe(2);
  expect(registry.list()).toEqual([b]);
  expect(reasons).toEqual(["revoked", "revoked"]);
  expect(registry.closeFor("alice")).toBe(0);
  expect(registry.closeFor("nobody")).toBe(0);
});

it("SESSION-5: a session that closes others while it ends is no trouble", () => {
  const { registry, add } = createRegistry();
  const sessions = [add("alice"), add("alice"), add("alice")];
  sessions[0]!.onClosed(() => registry.closeFor("alice"));
  registry.closeFor("alice");
  expect(registry.size).toBe(0);
});

it("SESSION-3: tells of opening and closing, once each, when the session is gone already", () => {
  const { registry, add } = createRegistry();
  const told: unknown[] = [];
  registry.on("opened", ({ id }) => told.push(["opened", id, registry.size]));
  registry.on("closed", ({ id }, reason) => told.push(["closed", id, reason, registry.size]));
  const session = add("alice");
  expect(told).toEqual([]);
  registry.announceOpened(session);
  session.end("revoked");
  session.end("shutting-down");
  expect(told).toEqual([
    ["opened", session.id, 1],
    ["closed", session.id, "revoked", 0],
  ]);
});

it("SESSION-3: tells nothing of a session that was never opened", () => {
  const { registry, add } = createRegistry();
  const listener = jest.fn();
  registry.on("opened", listener).on("closed", listener);
  add("alice").end("failed-to-open");
  expect(listener).not.toHaveBeenCalled();
});

it("SESSION-3: a listener that throws is reported, and keeps no other from hearing", () => {
  const { registry, add, errors } = createRegistry();
  const error = new Error("listener");
  const bad = () => {
    throw error;
  };
  const good = jest.fn();
  registry.on("opened", bad).on("closed", bad).on("opened", good).on("closed", good);
  const session = add("alice");
  registry.announceOpened(session);
  session.close();
  expect(errors).toEqual([error, error]);
  expect(good).toHaveBeenCalledTimes(2);
  expect(registry.size).toBe(0);
});

it("SESSION-3: a listener that was taken away hears nothing more", () => {
  const { registry, add } = createRegistry();
  const listener = jest.fn();
  registry.on("opened", listener).off("opened", listener);
  registry.announceOpened(add("alice"));
  expect(listener).not.toHaveBeenCalled();
});

it("SESSION-4: whenSettled waits for every session, endAll ends them", async () => {
  const { registry, add } = createRegistry();
  await registry.whenSettled();
  const reasons: string[] = [];
  for (const name of ["alice", "bob"]) add(name).onClosed((reason) => reasons.push(reason));
  await registry.whenSettled();
  await registry.endAll("shutting-down");
  expect(reasons).toEqual(["shutting-down", "shutting-down"]);
  expect(registry.size).toBe(0);
});
