/** What a client said when it began its session, and what came of it. */
export interface KeptHandshake {
  /** Of `initialize`; `undefined` for a client that began with something else. */
  readonly id: string | number | undefined;
  /** Parameters of `initialize`, as they were. */
  readonly params: unknown;
  /** The revision of MCP that the server answered with; `undefined` until it has. */
  readonly protocolVersion: string | undefined;
  /** Whether the client has said that it is initialized. */
  readonly isInitialized: boolean;
  /** The last `logging/setLevel`. */
  readonly level: string | undefined;
  /** URIs of the resources that it has subscribed to. */
  readonly subscriptions: readonly string[];
}
