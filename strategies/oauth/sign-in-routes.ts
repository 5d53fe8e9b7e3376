/** Path below the mount at which the routes of a sign-in begin. */
export const PREFIX = "/oauth";

/** The routes of a sign-in, below the mount. */
export const ROUTES = {
  authorize: `${PREFIX}/authorize`,
  token: `${PREFIX}/token`,
  register: `${PREFIX}/register`,
  revoke: `${PREFIX}/revoke`,
  jwks: `${PREFIX}/jwks`,
  interaction: `${PREFIX}/interaction`,
  callback: `${PREFIX}/callback`,
  signOut: `${PREFIX}/sign-out`,
} as const;

/** How a client may prove who it is at the token endpoint. */
export const CLIENT_AUTH_METHODS = [
  "none",
  "client_secret_basic",
  "client_secret_post",
  "private_key_jwt",
] as const;
