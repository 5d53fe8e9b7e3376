import { randomUUID } from "node:crypto";
import type { SessionInfo } from "../session/session-info.js";
import { fromMemoText, toMemoText } from "../session/memo.js";
import { noUpstream } from "../shared/upstream-token.js";

/** What `setup` gets on stdio: a session without a caller. */
export function createStdioSession(close: () => void): {
  info: SessionInfo<undefined>;
  end: () => void;
} {
  const abort = new AbortController();
  let memo: string | undefined;
  const info: SessionInfo<undefined> = {
    id: randomUUID(),
    principal: undefined,
    openedAt: Date.now(),
    get state() {
      return abort.signal.aborted ? ("closed" as const) : ("open" as const);
    },
    isRestored: false,
    isMoved: false,
    get memo() {
      return fromMemoText(memo);
    },
    set memo(value) {
      memo = toMemoText(value);
    },
    transport: "stdio",
    ...{ era: undefined, protocolVersion: undefined },
    hasBegun: true,
    request: undefined,
    client: undefined,
    address: undefined,
    signal: abort.signal,
    ...{ inFlight: 0, waitingBytes: 0, waitingSince: undefined },
    // There is no caller, and so none that could change.
    onPrincipalChanged: () => undefined,
    upstream: () => Promise.reject(noUpstream()),
    close,
  };
  return { info, end: () => abort.abort() };
}
