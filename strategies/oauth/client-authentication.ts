/** The credentials with which this server asks the issuer. */
export interface ClientCredentials {
  readonly id: string;
  readonly secret: string;
}

/** How a client with a secret authenticates. @see RFC 6749, section 2.3.1 */
export type ClientAuthMethod = "client_secret_basic" | "client_secret_post";

/** The parts of a form request that carry the parameters and the client's credentials. */
export interface AuthenticatedForm {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * The method to use, of those that an issuer takes: in the header if it may be, because bodies
 * are logged more often. `undefined` when the issuer takes neither: then the secret stays here.
 */
export function chooseClientAuth(supported: readonly string[]): ClientAuthMethod | undefined {
  if (supported.includes("client_secret_basic")) return "client_secret_basic";
  if (supported.includes("client_secret_post")) return "client_secret_post";
  return undefined;
}

/** A form `POST` with `parameters`, on behalf of `client`. @see RFC 6749, section 2.3.1 */
export function authenticatedForm(
  method: ClientAuthMethod,
  client: ClientCredentials,
  parameters: Readonly<Record<string, string>>,
): AuthenticatedForm {
  const form = new URLSearchParams(parameters);
  const headers: Record<string, string> = {
    "content-type": "application/x-www-form-urlencoded",
  };
  if (method === "client_secret_basic") {
    headers["authorization"] = basicAuthorization(client);
  } else {
    form.set("client_id", client.id);
    form.set("client_secret", client.secret);
  }
  return { headers, body: form.toString() };
}

/**
 * The `Authorization` field. Id and secret are form-encoded first, which is what lets an id
 * contain a colon. @see RFC 6749, section 2.3.1 and appendix B
 */
function basicAuthorization({ id, secret }: ClientCredentials): string {
  return `Basic ${Buffer.from(`${formEncode(id)}:${formEncode(secret)}`).toString("base64")}`;
}

function formEncode(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}
