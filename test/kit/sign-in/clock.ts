import { onDispose } from "../disposer.js";

let ahead = 0;

/** Moves the clock of the servers of this process on, until the test is over. */
export function later(ms: number): void {
  ahead += ms;
  if (ahead !== ms) return;
  const now = Date.now.bind(Date);
  const clock = jest.spyOn(Date, "now").mockImplementation(() => now() + ahead);
  onDispose(() => {
    ahead = 0;
    clock.mockRestore();
  });
}
