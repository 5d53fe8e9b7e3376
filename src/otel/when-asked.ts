import type { BatchObservableCallback, Meter, Observable } from "@opentelemetry/api";
import type { FactListeners } from "./fact-listeners.js";

/**
 * Has things observed whenever somebody reads, and once more after the end: a reader keeps the last that it was told,
 * and is to hear that there is nothing any more.
 */
export function whenAsked(
  meter: Meter,
  facts: FactListeners,
  observables: Observable[],
  observe: BatchObservableCallback,
): void {
  let isStopped = false;
  const remove = (): void => meter.removeBatchObservableCallback(callback, observables);
  const callback: BatchObservableCallback = (result) => {
    void observe(result);
    // Not while callbacks are gone through.
    if (isStopped) queueMicrotask(remove);
  };
  meter.addBatchObservableCallback(callback, observables);
  facts.onStop(() => (isStopped = true));
}
