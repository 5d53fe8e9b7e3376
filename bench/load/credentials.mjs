import { SignJWT, importPKCS8 } from "jose";
import { Buffer } from "node:buffer";
import { createSecretKey } from "node:crypto";

/** How many users there are; sessions are spread over them. */
const USERS = 250;

/** Longer than any run. */
const LIFETIME = "2h";

/** The header lines that each user sends, made once for each kind of credential. */
export class Credentials {
  #secrets;
  #made = new Map();

  constructor(secrets) {
    this.#secrets = secrets;
  }

  async of(kind) {
    if (!this.#made.has(kind)) this.#made.set(kind, await this.#make(kind));
    return this.#made.get(kind);
  }

  async #make(kind) {
    switch (kind) {
      case "none":
        return [""];
      case "apikey":
        return this.#secrets.apiKeys.map(({ key }) => `x-api-key: ${key}\r\n`);
      case "basic":
        return this.#secrets.users.map((user) => `authorization: Basic ${base64(user)}\r\n`);
      default:
        return await this.#tokens(kind);
    }
  }

  async #tokens(algorithm) {
    const { secret, privateKey, issuer, audience } = this.#secrets;
    const key =
      algorithm === "HS256"
        ? createSecretKey(secret, "utf8")
        : await importPKCS8(privateKey, algorithm);
    const lines = [];
    for (let user = 0; user < USERS; user++) {
      const token = await new SignJWT({ scope: "tools:read tools:call", client_id: "bench" })
        .setProtectedHeader({ alg: algorithm, typ: "JWT", kid: "bench" })
        .setSubject(`user-${user}`)
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime(LIFETIME)
        .sign(key);
      lines.push(`authorization: Bearer ${token}\r\n`);
    }
    return lines;
  }
}

function base64([name, password]) {
  return Buffer.from(`${name}:${password}`).toString("base64");
}
