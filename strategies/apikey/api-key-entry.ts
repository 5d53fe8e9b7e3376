/** A key with a name, and what it permits. */
export type ApiKeyEntry = ApiKeyDetails &
  (
    | {
        /** The key itself: visible ASCII characters. */
        readonly key: string;
        readonly sha256?: never;
      }
    | {
        /** The key's SHA-256 as 64 hexadecimal digits, so that the key need not lie on the server. */
        readonly sha256: string;
        readonly key?: never;
      }
  );

/** What an {@link ApiKeyEntry} says beside the key. */
export interface ApiKeyDetails {
  /**
   * Who holds the key; becomes the principal's `id`. Two entries with one id are one caller:
   * that is how a key is replaced without a gap.
   */
  readonly id: string;
  /** Scopes that the key grants. Default: none. */
  readonly scopes?: readonly string[];
  /** When the key ends: seconds since the epoch, or a `Date`. Default: never. */
  readonly expiresAt?: number | Date;
}
