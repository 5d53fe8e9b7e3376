/** What a good engineer wires by hand: the SDK's requireBearerAuth with a verifier that uses jose. */
import { InvalidTokenError } from "@modelcontextprotocol/sdk/server/auth/errors.js";
import { requireBearerAuth } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import { importSPKI, jwtVerify } from "jose";
import { TextEncoder } from "node:util";
import { notifyAll } from "./echo-tool.mjs";
import { listen } from "./listen.mjs";
import { createApp } from "./sdk-express.mjs";

/** Keys as jose's documentation shows them. */
const KEYS = {
  HS256: ({ secret }) => new TextEncoder().encode(secret),
  RS256: ({ publicKey }) => importSPKI(publicKey, "RS256"),
};

export async function start({ secrets, options }) {
  const key = await KEYS[options.key](secrets);
  const { issuer, audience } = secrets;
  const algorithms = [options.key];
  const verifier = {
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
  return { port: await listen(createApp(requireBearerAuth({ verifier }))), notifyAll };
}
