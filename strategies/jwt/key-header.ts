/** What of a token's header decides which key verifies it. @see RFC 7515, section 4.1 */
export interface KeyHeader {
  /** One of the allowed algorithms. */
  readonly alg: string;
  readonly kid?: string | undefined;
}
