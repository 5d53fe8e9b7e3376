import type { LoadReport } from "./load.js";

/** Clients come back at once, so that a hundred kills take seconds. */
export const RESUME = { resume: { retryMs: 1 } };

/** What a client must say that it lost. */
export function expectNothingLost(report: LoadReport): void {
  expect(report).toMatchObject({
    notifications: { lost: 0, outOfOrder: 0 },
    calls: { answered: report.calls.made, lost: 0, wrong: 0, runTwice: 0 },
    progress: { lost: 0, outOfOrder: 0 },
    requests: { answered: report.requests.made, lost: 0, repeatedAfterAnswer: 0 },
    foreign: 0,
    failures: [],
  });
}
