import { optionError } from "../shared/check.js";
import * as opt from "../shared/option.js";
import { secrets } from "../shared/secret-option.js";
import type { SharedCounter } from "../shared/shared-counter.js";
import type { ClusterEngine } from "./engine.js";

/** How the nodes of a cluster work together. All nodes need the same. */
export interface ClusterOptions {
  /**
   * Seals whatever nodes send to each other and write down, and names what belongs to a session. At
   * least 32 characters. Of a list the first seals, and all open, so that the next can be rolled out.
   * `false`: nothing is sealed. Security: whoever knows it, and can write to the engine, can act as any
   * caller; without it, whoever can read the engine sees arguments and answers, and whoever can write to
   * it can act as any caller. Required.
   */
  secret: string | readonly string[] | false;
  /**
   * What names in the engine begin with: letters, digits and `. : _ -`. Endpoints with the same share
   * their sessions, so two that use one engine need two. Default: `"express-mcp-sse"`.
   */
  prefix?: string;
  /**
   * Milliseconds after which a node that is not heard of counts as gone, and its sessions go on at
   * others. Shorter finds a node that hangs sooner, and takes one that is slow for one that is gone.
   * From 1000 to 120000. Default: 15000 (15 seconds).
   */
  leaseMs?: number;
  /**
   * Milliseconds that a request may wait for its session's node, or for the engine, before it is
   * answered 503. From 100 to 60000. Default: 5000 (5 seconds).
   */
  relayTimeoutMs?: number;
  /**
   * Whether sessions go on at another node when theirs is gone: with a new server that `createServer`
   * makes, and an error for each call that was lost. `false`: they end with their node. Default: true.
   */
  move?: boolean;
  /**
   * When a call is written down, so that another node can say of it that it was lost: `"exact"`, before
   * it is answered 202, or its stream begins; `"recent"`, every 50 milliseconds, which costs no wait, and
   * lets calls of the last 50 milliseconds run into their client's time-out. Default: `"exact"`.
   */
  calls?: "exact" | "recent";
  /**
   * Whether servers see the caller's bearer token, as they do without a cluster (`authInfo.token`).
   * Security: it then goes through the engine, sealed, from the node that got it to the session's;
   * so it needs a `secret`. Default: false.
   */
  carryToken?: boolean;
}

/**
 * What option `cluster` takes: an engine, and how it is used. `redisCluster()` and `memoryCluster()` make
 * one; for an engine of your own, write it yourself.
 */
export interface ClusterInit extends ClusterOptions {
  /** Makes the engine of one router: a new one at each call. */
  createEngine: () => ClusterEngine;
  /**
   * Makes what counts for all nodes: bad credentials, see `throttle`, and calls, see `perMinute` of a policy's rules.
   * Keys are digests. Default: each node counts for itself.
   */
  createCounter?: (windowMs: number) => SharedCounter;
}

/** {@link ClusterInit}, checked and complete. */
export interface ClusterConfig {
  /** See {@link ClusterInit.createEngine}. */
  readonly createEngine: () => ClusterEngine;
  /** See {@link ClusterInit.createCounter}. */
  readonly createCounter?: (windowMs: number) => SharedCounter;
  /** The first seals; all of them open. `false`: nothing is sealed. */
  readonly secret: readonly string[] | false;
  /** An engine's names are below it already; it belongs into what keys are derived with. */
  readonly prefix: string;
  readonly leaseMs: number;
  readonly relayTimeoutMs: number;
  readonly move: boolean;
  readonly calls: "exact" | "recent";
  readonly carryToken: boolean;
}

/** In Redis Cluster the prefix is the hash tag, which ends at the first brace. */
const PREFIX = /^[\w.:-]{1,100}$/;

/** What names in an engine begin with. */
export function prefix(fallback: string): opt.Option<string> {
  return opt.custom(
    "text",
    (name, value = fallback) => {
      if (typeof value === "string" && PREFIX.test(value)) return value;
      throw optionError(
        name,
        "must be a text of letters, digits and . : _ -",
        "At most 100 of them.",
      );
    },
    fallback,
  );
}

/** {@link ClusterOptions}. */
export const CLUSTER = {
  secret: opt.custom<readonly string[] | false>("text, list of texts, or false", (name, value) =>
    value === false ? false : secrets.read(name, value),
  ),
  prefix: prefix("express-mcp-sse"),
  leaseMs: opt.number("milliseconds", 15_000, { min: 1_000, max: 120_000 }),
  relayTimeoutMs: opt.number("milliseconds", 5_000, { min: 100, max: 60_000 }),
  move: opt.flag(true),
  calls: opt.choice("exact", "recent"),
  carryToken: opt.flag(false),
} satisfies opt.Declares<ClusterOptions>;

/**
 * Reads what a cluster is made with.
 *
 * Security decision: a token leaves the node that got it only where it is sealed.
 *
 * @throws TypeError for a wrong option.
 */
export function readClusterOptions(
  name: string,
  given: object,
): Omit<ClusterConfig, "createEngine" | "createCounter"> {
  const read = opt.readOptions(CLUSTER, name, given);
  if (!read.carryToken || read.secret !== false) return read;
  throw optionError(`${name}.carryToken`, "needs a secret", "Write one, or leave it out.");
}
