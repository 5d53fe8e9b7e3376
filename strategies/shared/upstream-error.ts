/**
 * What was wrong with an answer:
 *
 * - `"unreachable"`: no usable answer came; a later one may be;
 * - `"refused"`: the answer is a no to what was asked;
 * - `"unusable"`: the answer came, and what it says will not do.
 */
export type UpstreamFault = "unreachable" | "refused" | "unusable";

/** What is known of an answer that is no help. */
export interface UpstreamAnswer {
  /** HTTP status, where it is not 200. */
  readonly status?: number | undefined;
  /** The `error` of an OAuth error. It is the other side's text: never show it. @see RFC 6749, section 5.2 */
  readonly code?: string | undefined;
}

/**
 * An issuer, an identity provider or a function of the operator's did not say what was needed.
 *
 * The message is written here and holds no value of the exchange, so that it may be logged.
 */
export class UpstreamError extends Error {
  override readonly name: string = "UpstreamError";
  readonly fault: UpstreamFault;
  readonly status: number | undefined;
  readonly code: string | undefined;

  constructor(fault: UpstreamFault, message: string, { status, code }: UpstreamAnswer = {}) {
    super(message);
    this.fault = fault;
    this.status = status;
    this.code = code;
  }
}

/** The answer came, and will not do: `problem` says why, and repeats nothing of it. */
export function unusable(problem: string): UpstreamError {
  return new UpstreamError("unusable", problem);
}
