import type express from "express";
import { optionError } from "../shared/check.js";
import * as opt from "../shared/option.js";

/** Options of `router.monitor`. */
export interface MonitorOptions {
  /**
   * Who may look, and end people's sessions: a handler of Express, or several, such as those of the app's other
   * pages for operators. They come before everything of the monitor, and what they do not pass on is not answered by it.
   * Security: the page names everybody who is connected, with their addresses. Required.
   */
  guard: express.RequestHandler | readonly express.RequestHandler[];
  /** What stands above the page, to tell one endpoint from another. Default: `"MCP endpoint"`. */
  title?: string;
  /** How many open pages are kept up to date; others say why they are not. From 1 to 1000. Default: 20. */
  maxPages?: number;
}

/** {@link MonitorOptions}. */
export const MONITOR_OPTIONS = {
  guard: opt.custom("handler of Express, or list of them", readGuard),
  title: opt.withDefault(opt.text(), "MCP endpoint"),
  maxPages: opt.number("pages", 20, { min: 1, max: 1_000 }),
} satisfies opt.Declares<MonitorOptions>;

/** What a handler has at most: Express gives requests, and nothing else, to those with fewer parameters than four. */
const MAX_PARAMETERS = 3;

/**
 * Security decision: a page for operators is never there without somebody who keeps others out. A list that is empty
 * keeps nobody out, and neither does a handler of four parameters: Express calls it for errors only.
 */
function readGuard(name: string, value: unknown): readonly express.RequestHandler[] {
  const handlers = (Array.isArray(value) ? value : [value]) as readonly unknown[];
  const areHandlers = handlers.every(
    (handler) => typeof handler === "function" && handler.length <= MAX_PARAMETERS,
  );
  if (areHandlers && handlers.length > 0) return handlers as readonly express.RequestHandler[];
  const what = value === undefined ? "is missing" : "is no handler that could keep anybody out";
  throw optionError(
    name,
    what,
    "Write who may look: router.monitor({ guard: requireAdmin }), with what guards the app's other pages for operators.",
  );
}
