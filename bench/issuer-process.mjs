/** A small OAuth issuer: metadata and keys, and nothing else. */
import { exportJWK, importSPKI } from "jose";
import { createServer } from "node:http";
import { once } from "node:events";
import { serve } from "./child.mjs";

async function start({ publicKey }) {
  const key = await exportJWK(await importSPKI(publicKey, "RS256"));
  const documents = new Map();
  const server = createServer((req, res) => {
    const document = documents.get(req.url);
    res.writeHead(document === undefined ? 404 : 200, { "Content-Type": "application/json" });
    res.end(JSON.stringify(document ?? {}));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${server.address().port}`;
  documents.set("/.well-known/oauth-authorization-server", {
    issuer,
    jwks_uri: `${issuer}/keys`,
    response_types_supported: ["code"],
  });
  documents.set("/keys", { keys: [{ ...key, kid: "bench", alg: "RS256", use: "sig" }] });
  return { issuer };
}

serve({ start });
