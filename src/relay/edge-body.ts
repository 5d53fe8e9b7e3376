import type { IncomingMessage, ServerResponse } from "node:http";
import type { AdmittedRequest } from "../http/incoming-request.js";
import { readText } from "../http/message-body.js";
import type { BodyAdmission, BodyOptions } from "../http/message-body.js";
import { SMALL, tooManyBytes, WAIT_MS } from "../http/posted-bytes.js";
import type { Sessions } from "../http/router-session.js";
import type { ResolvedOptions } from "../options/resolve.js";
import type { ByteLimit } from "../session/byte-limits.js";
import type { OwnerVisit } from "../session/session-accounts.js";
import { McpSseError } from "../shared/errors.js";
import { wasRead } from "../shared/was-read.js";

/** What reading a body for another node needs of this one. */
export interface EdgeBodyContext {
  readonly options: Pick<ResolvedOptions, "maxMessageBytes" | "bodyTimeoutMs">;
  readonly sessions: Pick<Sessions, "visitAccount" | "noteLimit">;
}

/** The text of a POST that goes to another node. */
export interface EdgeBody {
  readonly text: string;
  /** Whether time has passed while it came: then its sender is to be confirmed. */
  readonly isLate: boolean;
  /** Nobody here needs it any more. */
  letGo(): void;
}

/**
 * Reads the body of a POST within the bounds that hold for messages of sessions that are here, and
 * for the account of its sender.
 *
 * The text is left in `req.body`, where parsers leave theirs, so that it can be sent again, or read by
 * the session's route if that goes on here.
 *
 * @throws McpSseError as `readMessage` does, but for what is wrong with the message.
 */
export async function readEdgeBody(
  request: AdmittedRequest,
  { options, sessions }: EdgeBodyContext,
): Promise<EdgeBody> {
  const { req, res, parts, caller } = request;
  const { principal, ownerKey } = caller;
  const isRead = wasRead(req);
  const bytes = new EdgeBytes(res, sessions.visitAccount(ownerKey));
  const { read, isLate } = await readLater(req, {
    maxBytes: options.maxMessageBytes,
    parsedBody: isRead ? (req as { body?: unknown }).body : undefined,
    isRead,
    parts,
    timeoutMs: options.bodyTimeoutMs,
    admission: bytes,
  });
  try {
    const text = read();
    if (!isRead) Object.assign(req, { body: text });
    return { text, isLate, letGo: () => bytes.leave() };
  } catch (error) {
    bytes.leave();
    const limit = error instanceof McpSseError ? limitOf(error) : undefined;
    if (limit !== undefined) sessions.noteLimit({ limit, outcome: "refused", principal });
    throw error;
  }
}

interface LateText {
  readonly read: () => string;
  readonly isLate: boolean;
}

function readLater(req: IncomingMessage, options: BodyOptions): Promise<LateText> {
  return new Promise((resolve) => {
    readText(req, options, (read, isLate) => resolve({ read, isLate }));
  });
}

function limitOf({ code }: McpSseError): "maxMessageSize" | "bodyTimeoutMs" | undefined {
  if (code === "message_too_large") return "maxMessageSize";
  return code === "message_timeout" ? "bodyTimeoutMs" : undefined;
}

/** The bytes of one body: held for its sender while it is read, and until the other node has it. */
class EdgeBytes implements BodyAdmission {
  readonly #res: ServerResponse;
  readonly #visit: OwnerVisit | undefined;
  #held = 0;
  #needed = 0;

  constructor(res: ServerResponse, visit: OwnerVisit | undefined) {
    this.#res = res;
    this.#visit = visit;
  }

  mayRead(bytes: number): boolean {
    const account = this.#visit?.account;
    if (account === undefined) return true;
    if (bytes > SMALL && account.take(bytes) !== undefined) {
      this.#needed = bytes;
      return false;
    }
    // What is small is read in any case, as at home: it may cancel what fills the memory.
    if (bytes <= SMALL) account.add(bytes);
    this.#held = bytes;
    return true;
  }

  waitToRead(read: () => void, refuse: (error: McpSseError) => void): void {
    const giveUp = this.#visit?.account.wait(this.#needed, WAIT_MS, (full) => {
      this.#res.off("close", leave);
      if (full === undefined) this.#held = this.#needed;
      if (full === undefined) read();
      else refuse(tooManyBytes(full));
    });
    const leave = (): void => {
      giveUp?.();
      this.leave();
    };
    const limit: ByteLimit = "maxHeldBytesPerPrincipal";
    if (giveUp === undefined) refuse(tooManyBytes(limit));
    else this.#res.once("close", leave);
  }

  weigh(): void {
    // It is parsed by the node that has the session.
  }

  leave(): void {
    if (this.#held > 0) this.#visit?.account.add(-this.#held);
    this.#held = 0;
    this.#visit?.leave();
  }
}
