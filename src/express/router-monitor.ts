import express from "express";
import { incomingRequest } from "../http/incoming-request.js";
import type { HostRequest } from "../http/mount.js";
import { checkSource } from "../http/origin.js";
import { sourceRefused } from "../http/source-guard.js";
import type { Monitor } from "../monitor/monitor.js";
import { EarlyFacts } from "../observe/early-facts.js";
import type { SourceRules } from "../options/source-rules.js";
import { checkOptionNames } from "../shared/check.js";
import * as opt from "../shared/option.js";
import { withoutQuery } from "../shared/url.js";
import type { Assembly } from "./assembly.js";
import { MONITOR_OPTIONS } from "./monitor-options.js";

/** What is looked at. */
type Monitored = Pick<Assembly, "hub" | "sessions" | "cluster" | "options" | "refusals">;

/** The monitors of a router; what they are made of is loaded with the first. */
export class RouterMonitors {
  readonly #monitored: Monitored;
  readonly #all: Promise<Monitor>[] = [];
  #isClosed = false;

  constructor(monitored: Monitored) {
    this.#monitored = monitored;
  }

  /** See `SseRouter.monitor`. */
  create(given: unknown): express.Router {
    checkOptionNames("options", given, Object.keys(MONITOR_OPTIONS));
    const { guard, ...look } = opt.readOptions(MONITOR_OPTIONS, "options", given);
    const { hub, sessions, cluster, options, refusals } = this.#monitored;
    const secrets = options.cluster?.secret === false ? [] : (options.cluster?.secret ?? []);
    // What happens from here on is on the page, however long that takes to load.
    const facts = new EarlyFacts(hub);
    const made = import("../monitor/monitor.js").then(({ Monitor }) => {
      const monitor = new Monitor({ facts, sessions, cluster, secrets, ...look });
      facts.release();
      return monitor;
    });
    // Whoever asks for the page hears of it.
    made.catch(() => facts.release());
    this.#all.push(made);
    // Of a router that was closed there is a page, and nothing that would go on.
    if (this.#isClosed) void made.then((monitor) => monitor.close());
    const router = express.Router();
    // Security decision: all in one route, since between handlers of a router, next("route") goes on to the next of them:
    // a guard that sends people away by it would let them in.
    router.all(EVERYTHING, ...guard, (req, res, next) => {
      if (!isServedHost(req, res, options.sourceRules)) {
        refusals.refuse({ req, res }, sourceRefused("host-not-allowed"));
        return;
      }
      const answered = made.then((monitor) => answer(monitor, req, res));
      answered.then((isAnswered) => (isAnswered ? undefined : next()), next);
    });
    return router;
  }

  /** Ends what they show. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const monitor of await Promise.all(this.#all)) monitor.close();
  }
}

/** Any path; in words, Express 4 and 5 write that differently. */
const EVERYTHING = /.*/;

async function answer(
  monitor: Monitor,
  req: express.Request,
  res: express.Response,
): Promise<boolean> {
  const wholePath = withoutQuery(req.originalUrl);
  return await monitor.answer({ req, res, path: req.path, wholePath, isSecure: req.secure });
}

/**
 * Whether a request may use this Host, by the rules of the endpoint.
 *
 * Security decision: a guard that lets in whoever is on this machine would let in every page that its user has open,
 * after DNS rebinding. The page may have another name than the endpoint, so it need not be among `allowedHosts`; but where
 * only a name of loopback, or one that the operator has written, can be meant, no other is served.
 */
function isServedHost(req: HostRequest, res: express.Response, rules: SourceRules): boolean {
  const { parts, viaTrustedProxy } = incomingRequest(req, res);
  const { host } = parts.headers;
  const { localAddress } = parts.socket;
  const source = { host, origin: undefined, localAddress, viaTrustedProxy };
  const ofAnyName = { ...rules, allowedHosts: undefined };
  return [rules, ofAnyName].some((one) => checkSource(source, one) === "allowed");
}
