import express from "express";
import { createMcpRouter } from "../../src/index.js";
import type { PassportStrategy } from "../../src/index.js";
import { Person } from "../kit/person.js";
import { createServerV1 } from "./fixture/server-v1.js";
import { serve } from "./endpoints.js";
import type { Endpoint } from "./endpoints.js";

/** Passport's part of a strategy. */
interface Actions {
  success(user: { readonly id: string }): void;
}

/** Knows everybody for the same person. */
const strategy: PassportStrategy = {
  name: "alice",
  authenticate(this: Actions) {
    this.success({ id: "alice" });
  },
};

/** A router with the sign-in, which is an authorization server of its own. Its URL is the issuer's. */
export async function serveSignIn(): Promise<Endpoint> {
  const app = express();
  const { port, close } = await serve(app);
  const url = `http://127.0.0.1:${port}/mcp`;
  const router = createMcpRouter({
    publicUrl: url,
    auth: {
      type: "oauth",
      options: {
        scopes: ["mcp:read"],
        signIn: { strategy, principal: (user) => user as { readonly id: string } },
      },
    },
    createServer: createServerV1,
  });
  app.use(router.wellKnown);
  app.use("/mcp", router);
  return {
    url,
    close: async () => {
      await router.close({ timeoutMs: 0 });
      await close();
    },
  };
}

/** Registers a client without a secret, and returns its id. */
export async function registerClient(issuer: string, redirectUri: string): Promise<string> {
  const response = await fetch(`${issuer}/oauth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      client_name: "Conformance",
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: "none",
    }),
  });
  const { client_id: id } = (await response.json()) as { readonly client_id?: string };
  if (id === undefined) throw new Error(`registration: ${response.status}`);
  return id;
}

/** What the person does whom a client sends here: approves, and is back at the client. */
export async function approve(authorizationUrl: string): Promise<void> {
  const person = new Person([new URL(authorizationUrl).origin]);
  const consent = await person.visit(authorizationUrl);
  const { url } = await person.submit(consent, { decision: "approve" });
  await fetch(url);
}
