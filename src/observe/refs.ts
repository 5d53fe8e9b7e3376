import type { SessionInfo } from "../session/session-info.js";
import type { SessionRef, Who } from "./facts.js";
import { shorten } from "./request-facts.js";

/** A principal by name, without what else was verified. */
export function whoIs(principal: unknown): Who | undefined {
  if (typeof principal !== "object" || principal === null) return undefined;
  // Users without TypeScript have principals of any form.
  const { id, method, issuer, clientId } = principal as Readonly<Record<string, unknown>>;
  return {
    id: String(id),
    method: String(method),
    issuer: textIn(issuer),
    clientId: textIn(clientId),
  };
}

function textIn(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A session as it is now. */
export function refOf(session: SessionInfo): SessionRef {
  const { id, principal, transport, era, state, openedAt, client, address } = session;
  const { protocolVersion: version } = session;
  return {
    ...{ id, principal: whoIs(principal), transport, era },
    protocolVersion: version === undefined ? undefined : shorten(version),
    ...{ state, openedAt, client, address },
  };
}
