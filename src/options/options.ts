import type { ClusterInit } from "../cluster/cluster-config.js";
import type { Logger } from "../shared/logger.js";
import { toLogger } from "../shared/logger.js";
import * as opt from "../shared/option.js";
import { ADVANCED } from "./advanced-options.js";
import type { AdvancedOptions } from "./advanced-options.js";
import type { Audit } from "./audit-event.js";
import { cluster } from "./cluster-options.js";
import { CORS } from "./cors-options.js";
import type { CorsOptions } from "./cors-options.js";
import type { PolicyFunction, PolicyOptions } from "../policy/rules.js";
import { policy } from "./policy-options.js";
import { RESUME } from "./resume-options.js";
import type { ResumeConfig } from "./resume-options.js";
import { SESSIONS } from "./session-options.js";
import type { SessionOptions } from "./session-options.js";
import { STREAM_OPTIONS } from "./stream-options.js";
import { THROTTLE } from "./throttle-options.js";
import type { ThrottleConfig } from "./throttle-options.js";
import { checkHosts, headers, path, publicUrl, size } from "./values.js";

/** Options that the router and `MCPServer` share. */
export interface SseOptions {
  /** Path of the event stream, below the mount. Default: `"/sse"`. */
  endpoint?: string;
  /** Path that messages are posted to, below the mount. Default: `"/messages"`. */
  messageEndpoint?: string;
  /** Which browser pages may call. Default: those of the server's own origin. */
  cors?: CorsOptions;
  /** Largest POST body: bytes, or text such as `"4mb"`. Default: `"4mb"`. */
  maxMessageSize?: number | string;
  /** Headers for every answer of the endpoint, for example `Strict-Transport-Security`. Default: none. */
  headers?: Readonly<Record<string, string>>;
  /**
   * URL under which clients reach the mount, `"https://api.example.com/mcp"`: when a proxy changes
   * it, and always with OAuth in production. Default: derived from each request's path.
   */
  publicUrl?: string;
  /**
   * `Host` values that are served, with or without port. Default: on loopback the loopback names
   * and `publicUrl`'s, elsewhere any.
   */
  allowedHosts?: readonly string[];
  /** Milliseconds of silence after which a comment keeps the stream alive; 0 for none. Default: 15000 (15 seconds). */
  keepAliveMs?: number;
  /** Times and bounds of sessions. Default: see {@link SessionOptions}. */
  sessions?: SessionOptions;
  /** How sessions outlive their streams; `false`: they do not. Default: see {@link ResumeConfig}. */
  resume?: ResumeConfig | false;
  /**
   * How many bad credentials one address may send; `false`: any number. An address is the peer's,
   * or the one that a proxy names which the app trusts (`trust proxy`); of IPv6 the /64 network.
   * Default: see {@link ThrottleConfig}.
   */
  throttle?: ThrottleConfig | false;
  /**
   * Has several nodes serve one endpoint: each takes any request of any session, over Redis. Made by
   * `redisCluster`, of `express-mcp-sse/cluster/redis`: see docs/cluster.md. Default: sessions are in this
   * process alone.
   */
  cluster?: ClusterInit;
  /**
   * What callers may do with tools, resources and prompts: rules by name, or a function. Lists are filtered by the
   * same. Not with `auth: false`: see docs/policy.md. Default: whoever is let in may do what the server offers.
   */
  policy?: PolicyOptions | PolicyFunction;
  /**
   * Gets a line for each refusal, warning and session; `false` for silence. Default: the router is
   * silent; `MCPServer` writes all but details to the standard error stream.
   */
  logger?: Logger | false;
  /**
   * Gets an event for what callers do and what they are kept from, for a trail of your own: JSON, one line each, without
   * arguments, results, tokens or headers. It is called at once and nobody waits for it; what it throws, or rejects
   * with, is logged. See docs/operating.md. Default: none is made.
   */
  audit?: Audit;
  /** Tuning that there is no reason to change before something was measured. Default: see {@link AdvancedOptions}. */
  advanced?: AdvancedOptions;
}

/** {@link SseOptions}. */
export const SSE_OPTIONS = {
  endpoint: path("/sse"),
  messageEndpoint: path("/messages"),
  cors: CORS,
  maxMessageSize: size("4mb"),
  headers,
  publicUrl,
  allowedHosts: opt.checked(opt.texts(), checkHosts),
  keepAliveMs: STREAM_OPTIONS.keepAliveMs,
  sessions: SESSIONS,
  resume: opt.orFalse(RESUME),
  throttle: opt.orFalse(THROTTLE),
  cluster,
  policy,
  logger: opt.custom("logger, or false", toLogger),
  audit: opt.optional(
    opt.callback<Audit>("Write audit: (event) => console.log(JSON.stringify(event))."),
  ),
  advanced: ADVANCED,
} satisfies opt.Declares<SseOptions>;
