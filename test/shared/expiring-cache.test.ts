import { ExpiringCache } from "../../src/shared/expiring-cache.js";

let clock = 0;
beforeEach(() => (clock = 1000));

describe("OAUTH-10: ExpiringCache", () => {
  it("gives a value until its time is over, and then lets go of it", () => {
    const cache = new ExpiringCache<string>(10, () => clock);
    cache.set("key", "value", 1010);

    clock = 1009;
    expect(cache.get("key")).toBe("value");
    clock = 1010;
    expect(cache.get("key")).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  it("holds no more than it may, and a renewed value is not the oldest", () => {
    const cache = new ExpiringCache<number>(2, () => clock);
    cache.set("a", 1, 2000);
    cache.set("b", 2, 2000);
    cache.set("a", 3, 2000);
    cache.set("c", 4, 2000);

    expect([cache.get("a"), cache.get("b"), cache.get("c")]).toEqual([3, undefined, 4]);
    expect(cache.size).toBe(2);
  });

  it("clears what has expired when something new comes", () => {
    const cache = new ExpiringCache<number>(10, () => clock);
    for (let key = 0; key < 5; key++) cache.set(String(key), key, 1010);
    clock = 1010;

    cache.set("new", 0, 1020);

    expect(cache.size).toBe(1);
  });

  it("drops the value it had when the new one is past already", () => {
    const cache = new ExpiringCache<string>(10, () => clock);
    cache.set("other", "value", 2000);
    cache.set("key", "old", 2000);
    cache.set("key", "new", 1000);

    expect(cache.size).toBe(1);
    expect(cache.get("key")).toBeUndefined();
  });

  it("gives nothing from the future", () => {
    const cache = new ExpiringCache<string>(10, () => clock);
    cache.set("key", "value", 2000);
    clock = 999;

    expect(cache.get("key")).toBeUndefined();
  });

  it("takes keys that name properties of every object", () => {
    const cache = new ExpiringCache<string>(10, () => clock);

    expect(cache.get("__proto__")).toBeUndefined();
    expect(cache.get("constructor")).toBeUndefined();
  });
});
