/** What an operator allows. */
export interface SourceRules {
  /** Host names, with or without port; `undefined` when the operator named none. */
  readonly allowedHosts: readonly string[] | undefined;
  /** Origins that may call from a browser; `"*"` for all. */
  readonly allowedOrigins: readonly string[];
  /** The address that clients use, when it differs from where the request arrives. */
  readonly publicUrl: URL | undefined;
}
