import { EndedSessions } from "../../src/session/ended-sessions.js";
import type { EndedSessionsOptions } from "../../src/session/ended-sessions.js";

const SKEW = 1_000;

interface Person {
  readonly id: string;
}

function remembering(more: Partial<EndedSessionsOptions> = {}) {
  const options = { maxAgeMs: 100_000, skewMs: SKEW, isOpenEndpoint: false };
  return new EndedSessions<Person>({ ...options, ...more });
}

const sealed = (ownerKey: string, id: string, sealedAt: number) => ({ ownerKey, id, sealedAt });

const whoever = { id: "whoever" };

describe("sessions that have ended for good", () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: 1_000_000 });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it("RESTORE-7: are known by owner and id", () => {
    const ended = remembering();
    ended.note(sealed("alice", "a", 999_000));
    expect(ended.has(sealed("alice", "a", 999_000), whoever)).toBe(true);
    expect(ended.has(sealed("alice", "b", 999_000), whoever)).toBe(false);
    expect(ended.has(sealed("bob", "a", 999_000), whoever)).toBe(false);
  });

  it("RESTORE-7: are all that a revoked owner had begun until then, by any node's clock", () => {
    const ended = remembering();
    ended.noteRevoked("alice");
    expect(ended.has(sealed("alice", "a", 1_000_000 + SKEW), whoever)).toBe(true);
    expect(ended.has(sealed("alice", "a", 1_000_001 + SKEW), whoever)).toBe(false);
    expect(ended.has(sealed("bob", "a", 1), whoever)).toBe(false);
  });

  it("RESTORE-7: are those of everybody of whom it was said, whatever their key", () => {
    const ended = remembering();
    ended.noteRevokedWhere(({ id }) => id === "alice");
    expect(ended.has(sealed("any key", "a", 999_000), { id: "alice" })).toBe(true);
    expect(ended.has(sealed("any key", "a", 999_000), { id: "bob" })).toBe(false);
    expect(ended.has(sealed("any key", "a", 1_000_001 + SKEW), { id: "alice" })).toBe(false);
  });

  it("RESTORE-7: are not remembered without bound, and what is forgotten does not come back", () => {
    const ended = remembering({ maxPerOwner: 10 });
    for (let at = 0; at < 1_000; at++) ended.note(sealed("alice", `a${at}`, 999_000 + at));
    expect(ended.size).toBe(11);
    for (let at = 0; at < 1_000; at++) {
      expect(ended.has(sealed("alice", `a${at}`, 999_000 + at), whoever)).toBe(true);
    }
    // Of nobody else, however many one ends.
    expect(ended.has(sealed("bob", "b", 999_000), whoever)).toBe(false);
    expect(ended.has(sealed("alice", "live", 1_000_000), whoever)).toBe(false);
  });

  it("RESTORE-7: are on an open endpoint those of many, so one who ends a thousand keeps nobody out", () => {
    const ended = remembering({ isOpenEndpoint: true });
    for (let at = 0; at < 2_000; at++) ended.note(sealed("anonymous", `m${at}`, 999_000));
    expect(ended.size).toBe(2_001);
    expect(ended.has(sealed("anonymous", "m0", 999_000), whoever)).toBe(true);
    expect(ended.has(sealed("anonymous", "somebody else's", 998_000), whoever)).toBe(false);
  });

  it("RESTORE-7: are as many as there may be in all, at the cost of who adds to them", () => {
    const ended = remembering({ maxInAll: 5 });
    for (let at = 0; at < 5; at++) ended.note(sealed("mallory", `m${at}`, 999_000 + at));
    ended.note(sealed("alice", "a", 999_500));
    expect(ended.size).toBe(7);
    expect(ended.has(sealed("alice", "a", 999_500), whoever)).toBe(true);
    expect(ended.has(sealed("alice", "later", 999_501), whoever)).toBe(false);
    expect(ended.has(sealed("mallory", "m0", 999_000), whoever)).toBe(true);
  });

  it("RESTORE-7: with too many owners, nothing comes back that is as old as what is forgotten", () => {
    const ended = remembering({ maxOwners: 3 });
    ended.note(sealed("first", "a", 999_000));
    for (const owner of ["second", "third", "fourth"]) ended.note(sealed(owner, "x", 999_900));
    expect(ended.has(sealed("first", "a", 999_000), whoever)).toBe(true);
    expect(ended.has(sealed("fifth", "b", 999_000), whoever)).toBe(true);
    expect(ended.has(sealed("fifth", "b", 999_001), whoever)).toBe(false);
    const told = remembering({ maxOwners: 2 });
    for (const name of ["a", "b", "c"]) told.noteRevokedWhere(({ id }) => id === name);
    expect(told.has(sealed("key", "x", 999_000), { id: "a" })).toBe(true);
    expect(told.size).toBe(2);
  });

  it("RESTORE-7: take up no room once their ids do not count any more, whose ever they are", () => {
    const ended = remembering({ maxInAll: 5, maxOwners: 3 });
    for (let at = 0; at < 4; at++) ended.note(sealed("mallory", `m${at}`, 999_000 + at));
    ended.noteRevoked("revoked");
    jest.setSystemTime(1_000_000 + 100_000 + SKEW);
    expect(ended.has(sealed("revoked", "r", 1_000_000 + SKEW), whoever)).toBe(true);
    jest.setSystemTime(1_000_001 + 100_000 + SKEW);
    for (const owner of ["alice", "bob"]) ended.note(sealed(owner, "x", 1_100_000));
    expect(ended.size).toBe(4);
    for (const id of ["y", "z"]) ended.note(sealed("bob", id, 1_100_000));
    expect(ended.has(sealed("bob", "live", 1_099_000), whoever)).toBe(false);
  });

  it("RESTORE-7: are forgotten once their ids do not count any more", () => {
    const ended = remembering();
    ended.note(sealed("alice", "old", 999_000));
    ended.noteRevokedWhere(() => true);
    jest.setSystemTime(1_200_000);
    ended.note(sealed("alice", "new", 1_199_000));
    ended.noteRevokedWhere(() => false);
    expect(ended.size).toBe(3);
    expect(ended.has(sealed("alice", "live", 1_199_000), whoever)).toBe(false);
  });
});
