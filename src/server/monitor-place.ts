import { MONITOR_OPTIONS } from "../express/monitor-options.js";
import type { MonitorOptions } from "../express/monitor-options.js";
import { path } from "../options/values.js";
import { optionError } from "../shared/check.js";
import type * as opt from "../shared/option.js";

/** The page for operators of an `MCPServer`: what it is, and where. */
export interface ServerMonitorOptions extends MonitorOptions {
  /** Where it is: nothing else may be there, below it or above. Default: `"/monitor"`. */
  path?: string;
}

/** {@link ServerMonitorOptions}. */
export const SERVER_MONITOR_OPTIONS = {
  path: path("/monitor"),
  ...MONITOR_OPTIONS,
} satisfies opt.Declares<ServerMonitorOptions>;

/** The documents of OAuth are below it, and others of the host. */
const WELL_KNOWN = "/.well-known";

/** @throws TypeError for a place that is not the page's alone. */
export function checkMonitorPath(name: string, place: string, others: readonly string[]): void {
  if (!isTaken(place, [...others, WELL_KNOWN])) return;
  throw optionError(name, "is where something else is served", "Give it a path of its own.");
}

/**
 * Whether something else is at a path, below it or above, by the names that Express takes for the same.
 *
 * Security decision: the guard of a page for operators must not stand before an endpoint, whose callers it would keep
 * out, or let in; and an endpoint must not answer in place of the page, before its guard was asked.
 */
export function isTaken(place: string, others: readonly string[]): boolean {
  const folder = (text: string): string => `${text.toLowerCase().replace(/\/+$/, "")}/`;
  const own = folder(place);
  return others.map(folder).some((other) => own.startsWith(other) || other.startsWith(own));
}
