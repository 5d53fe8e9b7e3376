import type { TraceContext } from "./facts.js";

/** Fields of a carrier: headers, or a message's `_meta`. Their values may be anything. */
export type TraceCarrier = Readonly<Record<string, unknown>>;

/** Version, trace, parent, flags, and what versions after the first may add. @see W3C Trace Context, section 3.2 */
const PARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-[!-~]{0,200})?$/;

/** At least as much as the standard asks everybody to pass on, in characters. */
const MAX_STATE = 512;
const MAX_MEMBERS = 32;

/** @see W3C Baggage, section 3.3 */
const MAX_BAGGAGE = 8_192;
const MAX_ENTRIES = 64;

/** A key as of tracestate, and printable text without what separates members. */
const STATE_MEMBER = /^[a-z\d][\w\-*/@]{0,255}=[ !-+\--<>-~]{0,255}[!-+\--<>-~]$/;

/** A token of HTTP, its value, and its properties. */
const BAGGAGE_ENTRY = /^[\w!#$%&'*+.^`|~-]+\s*=[!#-+\--:<-[\]-~]*(?:\s*;[\t !#-+\--[\]-~]*)?$/;

/**
 * The trace that somebody who calls is part of.
 *
 * Security decision: it comes from the caller, and goes to whatever collects traces. So nothing is taken over that
 * is not exactly of the standard's form, and not more than it asks to pass on. What says nothing without a
 * parent is dropped with it.
 *
 * @see https://www.w3.org/TR/trace-context/
 */
export function traceContextIn(carrier: TraceCarrier | undefined): TraceContext | undefined {
  const traceparent = parentIn(carrier?.["traceparent"]);
  if (traceparent === undefined) return undefined;
  const tracestate = listIn(carrier?.["tracestate"], MAX_STATE, MAX_MEMBERS, STATE_MEMBER);
  const baggage = listIn(carrier?.["baggage"], MAX_BAGGAGE, MAX_ENTRIES, BAGGAGE_ENTRY);
  return {
    traceparent,
    ...(tracestate !== undefined && { tracestate }),
    ...(baggage !== undefined && { baggage }),
  };
}

/** A later version is read as the first, and passed on as that. */
function parentIn(value: unknown): string | undefined {
  const parts = typeof value === "string" && value.length <= 256 ? PARENT.exec(value) : null;
  if (parts === null) return undefined;
  const [, version, trace = "", parent = "", flags = "", more] = parts;
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (/^0+$/.test(trace) || /^0+$/.test(parent)) return undefined;
  return `00-${trace}-${parent}-${flags}`;
}

/** A list of members, all of them good; a header may stand on several lines. */
function listIn(value: unknown, max: number, members: number, form: RegExp): string | undefined {
  const text: unknown = Array.isArray(value) ? value.join(",") : value;
  if (typeof text !== "string" || text.length > max) return undefined;
  const all = text.split(",").map((member) => member.trim());
  const good = all.filter((member) => member !== "");
  if (good.length === 0 || good.length > members) return undefined;
  return good.every((member) => form.test(member)) ? good.join(",") : undefined;
}
