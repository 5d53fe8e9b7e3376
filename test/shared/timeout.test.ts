import { settlesWithin, TIMED_OUT, withTimeout } from "../../src/shared/timeout.js";

const never = new Promise<never>(() => undefined);

describe("a wait with an end", () => {
  it("comes to what the work comes to, and leaves no timer behind", async () => {
    const clear = jest.spyOn(global, "clearTimeout");
    expect(await withTimeout(Promise.resolve(1), 60_000)).toBe(1);
    await expect(withTimeout(Promise.reject(new Error("no")), 60_000)).rejects.toThrow("no");
    expect(clear).toHaveBeenCalledTimes(2);
    clear.mockRestore();
  });

  it("is over when the work takes too long", async () => {
    expect(await withTimeout(never, 1)).toBe(TIMED_OUT);
    expect(await settlesWithin(1, never)).toBe(false);
    expect(await settlesWithin(60_000, Promise.resolve())).toBe(true);
  });

  it("keeps the process alive only for those who ask for that", async () => {
    const timers: NodeJS.Timeout[] = [];
    const original = setTimeout;
    const spy = jest.spyOn(global, "setTimeout").mockImplementation(((
      run: () => void,
      ms: number,
    ) => {
      const timer = original(run, ms);
      timers.push(timer);
      return timer;
    }) as typeof setTimeout);
    await Promise.all([withTimeout(never, 1), settlesWithin(2, never)]);
    expect(timers.map((timer) => timer.hasRef())).toEqual([false, true]);
    spy.mockRestore();
  });
});
