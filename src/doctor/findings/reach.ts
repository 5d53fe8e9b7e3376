import type { Unanswered } from "../contract.js";
import type { Evidence, Finder } from "../evidence.js";
import { told } from "../words.js";

/** What stands between a caller and the server: nobody listens, the name leads nowhere, TLS, proxies. */
export const REACH: readonly Finder[] = [
  {
    id: "nobody-listens",
    severity: "error",
    docs: "doctor.md#no-answer",
    step: "stranger",
    look: (evidence) =>
      unanswered(evidence, ["ECONNREFUSED"], (reply) => ({
        seen: told(reply),
        cause: "No program listens at this host and port, or it listens on another address.",
        change:
          "Start the server; compare host and port with what it says when it starts. In a container it must listen on 0.0.0.0.",
      })),
  },
];

type Look = ReturnType<Finder["look"]>;

/** Both requests got no answer, for one of these reasons. */
function unanswered(
  { stranger }: Evidence,
  codes: readonly string[],
  say: (reply: Unanswered) => Look,
): Look {
  if (stranger === undefined) return undefined;
  const { get, post } = stranger;
  if (get.kind === "answered" || post.kind === "answered") return undefined;
  return codes.includes(post.code) ? say(post) : undefined;
}
