/** What a client says of itself in `initialize`. Anybody can say anything: it is no credential. */
export interface ClientInfo {
  /** At most 100 characters are kept. */
  readonly name: string;
  /** At most 100 characters are kept. */
  readonly version?: string;
}
