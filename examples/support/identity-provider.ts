import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import Provider from "oidc-provider";
import { createKeyPair } from "./key-pair.js";

/** An identity provider on this machine, in place of your company's. */
export interface FakeProvider {
  readonly issuer: string;
  close(): Promise<void>;
}

/**
 * Starts a provider that knows one client and lets nobody register; everybody may sign in, with
 * any password. Its pages are for development only, and so is everything else of it.
 */
export async function startProvider(
  client: { readonly id: string; readonly secret: string },
  callbackUrl: string,
): Promise<FakeProvider> {
  let listener: RequestListener = (_req, res) => void res.writeHead(503).end();
  const server = createServer((req, res) => listener(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = createKeyPair();
  const provider = new Provider(issuer, {
    clients: [{ client_id: client.id, client_secret: client.secret, redirect_uris: [callbackUrl] }],
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig" }] },
    cookies: { keys: ["for development only"] },
    claims: { openid: ["sub"], profile: ["name"], email: ["email"] },
    conformIdTokenClaims: false,
    findAccount: (_ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: `${id} of Example`, email: `${id}@example.com` }),
    }),
  });
  const callback = provider.callback();
  listener = (req, res) => void callback(req, res);
  return { issuer, close: () => stop(server) };
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
