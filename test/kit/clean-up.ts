import { takeLeaks } from "./leak-watch.js";

/** What undoes what a test did. */
const disposers: (() => unknown)[] = [];

/** Has something undone when the test is over: last come, first undone. */
export function onDispose(dispose: () => unknown): void {
  disposers.push(dispose);
}

/** Undoes everything when all tests of a file are over, for servers that they share; leaks are not looked for. */
export function cleanUpAfterAll(): void {
  afterAll(async () => {
    for (const dispose of disposers.splice(0).reverse()) await dispose();
    takeLeaks();
  });
}

/**
 * Turns a frozen clock on again and undoes everything after each test; fails the test if a
 * credential that it sent has been seen in an answer, an event or a log line. (An unhandled
 * rejection fails a test by itself in Jest 30.)
 */
export function cleanUpAfterEach(): void {
  afterEach(async () => {
    jest.useRealTimers();
    for (const dispose of disposers.splice(0).reverse()) await dispose();
    expect(takeLeaks()).toEqual([]);
  });
}
