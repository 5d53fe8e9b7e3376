import type { OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { clientV1, clientV2 } from "../kit/sdk-clients.js";
import { JWT_AUTH, serveRouter } from "../kit/serve.js";
import { secretToken } from "../kit/tokens.js";

cleanUpAfterEach();

it.each([clientV1, clientV2])(
  "OAUTH-13: $name asks for no more scopes over SSE when it gets 403",
  async (kit) => {
    const auth = { ...JWT_AUTH, options: { ...JWT_AUTH.options, scopes: ["mcp:write"] } };
    const { sseUrl } = await serveRouter({ auth });
    const asked: string[] = [];
    const authProvider: OAuthClientProvider = {
      redirectUrl: "http://127.0.0.1/callback",
      clientMetadata: { redirect_uris: ["http://127.0.0.1/callback"] },
      clientInformation: () => ({ client_id: "step-up" }),
      tokens: () => ({ access_token: secretToken({ scope: "mcp:read" }), token_type: "Bearer" }),
      saveTokens: () => void asked.push("saveTokens"),
      redirectToAuthorization: () => void asked.push("redirectToAuthorization"),
      saveCodeVerifier: () => void asked.push("saveCodeVerifier"),
      codeVerifier: () => "unused",
    };
    const listener = { onNotification: () => undefined, onSampling: () => "" };
    await expect(kit.connect(sseUrl, { authProvider, listener })).rejects.toThrow(/403/);
    expect(asked).toEqual([]);
  },
);
