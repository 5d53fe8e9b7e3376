/** What a node of a test's cluster is told, as JSON in its argument. */
export interface NodeSettings {
  readonly port: number;
  readonly redisUrl: string;
  /** Which client of Redis it has. */
  readonly client: "node-redis" | "ioredis";
  /** Whether the POSTs of known sessions come before the app. */
  readonly isAhead: boolean;
  /** Seals what goes over Redis. */
  readonly secret: string;
  /** With which tokens are signed. */
  readonly jwtSecret: string;
  readonly keys: readonly { readonly id: string; readonly key: string }[];
  /** Options of `cluster`. */
  readonly cluster: {
    readonly leaseMs?: number;
    readonly relayTimeoutMs?: number;
    readonly calls?: "exact" | "recent";
  };
  readonly retryMs: number;
}

/** What a node tells whoever started it. */
export type NodeReport =
  | { readonly kind: "ready" }
  /** A tool has begun to work on a call. */
  | { readonly kind: "ran"; readonly name: string }
  /** A server was made for a session. */
  | { readonly kind: "opened"; readonly session: string; readonly isMoved: boolean }
  /** A client has spoken in a session that is no other node's. */
  | { readonly kind: "begun"; readonly session: string }
  | { readonly kind: "closed"; readonly session: string; readonly reason: string };
