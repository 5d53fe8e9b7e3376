/** What a good engineer wires by hand: the SDK's requireBearerAuth with a verifier that uses jose. */
import { requireBearerAuth } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import { notifyAll } from "./echo-tool.mjs";
import { createVerifier } from "./jose-verifier.mjs";
import { listen } from "./listen.mjs";
import { createApp } from "./sdk-express.mjs";

export async function start({ secrets, options }) {
  const verifier = await createVerifier(options.key, secrets);
  return { port: await listen(createApp(requireBearerAuth({ verifier }))), notifyAll };
}
