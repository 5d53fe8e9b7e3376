import { onDispose } from "../../support/disposer.js";

/** Moves the clock of the servers of this process, until the test is over. */
export function later(ms: number): void {
  const now = Date.now;
  const clock = jest.spyOn(Date, "now").mockImplementation(() => now() + ms);
  onDispose(() => clock.mockRestore());
}
