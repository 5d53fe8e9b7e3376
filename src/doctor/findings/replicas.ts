import type { Evidence, Finder, ReplicasEvidence } from "../evidence.js";
import { quoted, told } from "../words.js";

/** Sessions that only some of the processes behind a URL know. */
export const REPLICAS: readonly Finder[] = [
  {
    id: "replicas-without-routing",
    severity: "error",
    docs: "cluster.md#when-it-is-needed",
    step: "replicas",
    hides: ["post-not-found", "post-refused", "answer-missing", "session-lost"],
    look: (evidence) => {
      const { wire, asked, lost, sample } = lossy(evidence) ?? {};
      if (sample === undefined) return undefined;
      return {
        seen: `${lost} of ${asked} messages of one session (${wire}), each over a connection of its own, did not find it. ${told(sample)} ${quoted(sample.text)}`,
        cause:
          "Several processes stand behind this URL, and each knows only the sessions that it began.",
        change:
          "With express-mcp-sse: option `cluster`, then any process takes any request. Otherwise route all requests of a client to one process, by its address or its credential: clients keep no cookies.",
      };
    },
  },
];

/** Whether another process than that of the session gets some of its messages. */
export function hasLostSome(evidence: Evidence, wire: ReplicasEvidence["wire"]): boolean {
  return lossy(evidence)?.wire === wire;
}

function lossy(evidence: Evidence): ReplicasEvidence | undefined {
  return evidence.replicas?.find(
    ({ wire, asked, lost, sample }) =>
      lost > 0 && (lost < asked || (sample?.status === 404 && hasBegun(evidence, wire))),
  );
}

/** Whether a conversation over one connection went well. */
function hasBegun({ messages, streamable }: Evidence, wire: ReplicasEvidence["wire"]): boolean {
  return (wire === "HTTP+SSE" ? messages?.listed : streamable?.listed) !== undefined;
}
