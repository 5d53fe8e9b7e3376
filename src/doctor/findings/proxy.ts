import { isAnswered } from "../ask.js";
import type { Answered, Reply } from "../contract.js";
import type { Evidence, Finder } from "../evidence.js";
import { quoted, seconds, told } from "../words.js";

/** What servers answer whose name this is not: ours, and the SDK's. */
const HOST_REFUSED = /host_not_allowed|invalid host\b/i;

/** What stands between: whose name a request has, before anything else. */
export const HOSTS: readonly Finder[] = [
  {
    id: "host-not-allowed",
    severity: "error",
    docs: "troubleshooting.md#behind-a-proxy",
    step: "stranger",
    hides: ["post-refused"],
    look: (evidence) => {
      const reply = repliesIn(evidence).find(isHostRefused);
      return (
        reply && {
          seen: `${told(reply)} ${quoted(reply.text)}`,
          cause: `The server protects itself against DNS rebinding, and does not know the name by which it is called: "${evidence.target.url.host}", or what a proxy makes of it.`,
          change:
            "With express-mcp-sse: option `publicUrl` or `allowedHosts` with the name that clients use. With the SDK: `allowedHosts`. The proxy should pass the name on (nginx: `proxy_set_header Host $http_host;`).",
        }
      );
    },
  },
];

/** What a stream meets on which nothing happens. */
export const KEEP_ALIVE: readonly Finder[] = [
  {
    id: "stream-cut",
    severity: "error",
    docs: "troubleshooting.md#behind-a-proxy",
    step: "keepAlive",
    look: ({ keepAlive }) => {
      if (keepAlive?.endedMs === undefined) return undefined;
      return {
        seen: `The stream ended by itself after ${seconds(keepAlive.endedMs)} in which nothing was sent.`,
        cause:
          "A proxy ends what is idle, sooner than the server sends a sign of life. What was to come is lost, and not every client comes back.",
        change:
          "Raise the proxy's read timeout for this path (nginx: `proxy_read_timeout 1h;`), and keep it longer than the server is silent. With express-mcp-sse: option `keepAliveMs`, 15 s by default.",
      };
    },
  },
  {
    id: "no-keep-alive",
    severity: "warning",
    docs: "troubleshooting.md#behind-a-proxy",
    step: "keepAlive",
    look: ({ keepAlive }) => {
      if (keepAlive === undefined) return undefined;
      if (keepAlive.aliveMs !== undefined || keepAlive.endedMs !== undefined) return undefined;
      return {
        seen: `Nothing came on the stream within ${seconds(keepAlive.waitedMs)} in which nothing was sent.`,
        cause:
          "The server sends no sign of life. Proxies and balancers end what is idle, many after 60 s, and some clients, too.",
        change:
          "Send a comment (`: ping`) every 15 s or so. express-mcp-sse does (option `keepAliveMs`), and so does its `SSEServerTransport` in place of the SDK's, which sends none.",
      };
    },
  },
];

/** All replies of the server that may say that it does not know its name. */
function repliesIn({ stranger, stream, messages, streamable }: Evidence): Answered[] {
  const replies: readonly (Reply | undefined)[] = [
    stranger?.get,
    stranger?.post,
    stream?.reply,
    messages?.initialize,
    streamable?.initialize,
  ];
  return replies.filter(isAnswered);
}

/** Whether a reply is the refusal of a name. */
export function isHostRefused({ status, text }: Answered): boolean {
  return status === 403 && HOST_REFUSED.test(text);
}
