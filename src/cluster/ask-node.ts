import type { ClusterBus, Frame } from "./cluster-bus.js";

/**
 * Asks one node.
 *
 * @param question its kind is that of an exchange, which the other side answers with one frame.
 * @returns what it answers; `undefined` where it does not, or not in time.
 */
export function askNode(
  bus: ClusterBus,
  node: string,
  question: Frame,
  timeoutMs: number,
): Promise<Frame | undefined> {
  return new Promise((resolve) => {
    const exchange = bus.open(node, question);
    const settle = (answer: Frame | undefined): void => {
      clearTimeout(timer);
      exchange.end();
      resolve(answer);
    };
    const timer = setTimeout(() => settle(undefined), timeoutMs);
    exchange.onFrame = settle;
    exchange.onEnd = () => settle(undefined);
    exchange.onLost = () => settle(undefined);
  });
}
