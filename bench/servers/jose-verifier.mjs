/** A verifier for the SDK's `requireBearerAuth`, as a good engineer writes it: with jose. */
import { InvalidTokenError } from "@modelcontextprotocol/sdk/server/auth/errors.js";
import { importSPKI, jwtVerify } from "jose";
import { TextEncoder } from "node:util";

/** Keys as jose's documentation shows them. */
const KEYS = {
  HS256: ({ secret }) => new TextEncoder().encode(secret),
  RS256: ({ publicKey }) => importSPKI(publicKey, "RS256"),
};

export async function createVerifier(algorithm, secrets) {
  const key = await KEYS[algorithm](secrets);
  const { issuer, audience } = secrets;
  const algorithms = [algorithm];
  return {
    async verifyAccessToken(token) {
      try {
        const { payload } = await jwtVerify(token, key, { issuer, audience, algorithms });
        const { client_id: clientId, scope, exp: expiresAt, sub } = payload;
        return { token, clientId, scopes: scope.split(" "), expiresAt, extra: { sub } };
      } catch (error) {
        throw new InvalidTokenError(error.message);
      }
    },
  };
}
