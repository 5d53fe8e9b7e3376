import { SseSession } from "../sse-session.js";
import type { Step } from "../step.js";
import { hasEndpoint } from "../stream-evidence.js";
import { seconds } from "../words.js";

/** For how long nothing is sent. In milliseconds. */
const WAIT_MS = 20_000;

/** A stream on which nothing happens: whether the server keeps it alive, and whether something ends it. */
export function createKeepAlive({ waitMs }: { readonly waitMs: number }): Step<"keepAlive"> {
  return {
    name: "keepAlive",
    title: `An idle stream, for up to ${waitMs / 1000} s`,
    isNeeded: ({ evidence }) => !evidence.target.isQuick && hasEndpoint(evidence),
    async gather(visit) {
      const session = await SseSession.open(visit, waitMs);
      if (session === undefined) return undefined;
      const begin = performance.now();
      const sign = await session.sign(waitMs);
      const ms = performance.now() - begin;
      await session.close();
      return {
        waitedMs: ms,
        ...(sign === "alive" && { aliveMs: ms }),
        ...(sign === "ended" && { endedMs: ms }),
      };
    },
    describe({ waitedMs, aliveMs, endedMs }) {
      if (aliveMs !== undefined) return { text: `a sign of life after ${seconds(aliveMs)}` };
      if (endedMs !== undefined) return { text: `ended after ${seconds(endedMs)}` };
      return { text: `nothing within ${seconds(waitedMs)}` };
    },
  };
}

export const keepAlive = createKeepAlive({ waitMs: WAIT_MS });
