/** Parameters of an authorization request that count here. */
const KEPT: ReadonlySet<string> = new Set([
  "client_id",
  "code_challenge",
  "code_challenge_method",
  "login_hint",
  "prompt",
  "redirect_uri",
  "resource",
  "response_mode",
  "response_type",
  "scope",
  "state",
]);

/**
 * The query of an authorization request as the engine gets it.
 *
 * What is not known is left out, as the specification demands; so are the parameters of OpenID
 * Connect, because clients get no ID tokens here. A repeated parameter stays repeated, and is
 * refused. Scopes that do not exist are left out, and a request without any asks for all: most
 * clients know no scope before the first refusal names them.
 *
 * @param scopes The scopes that there are.
 * @see OAuth 2.1, sections 1.4.1 and 3.1
 */
export function cleanAuthorizationQuery(
  query: URLSearchParams,
  scopes: readonly string[],
): URLSearchParams {
  const cleaned = new URLSearchParams([...query].filter(([name]) => KEPT.has(name)));
  const asked = cleaned.getAll("scope");
  if (asked.length < 2) {
    const known = (asked[0] ?? "").split(" ").filter((scope) => scopes.includes(scope));
    cleaned.set("scope", (known.length > 0 ? known : scopes).join(" "));
  }
  // Answers go into the query; a page that posts them would need a script.
  const modes = cleaned.getAll("response_mode");
  if (modes.some((mode) => mode !== "query")) cleaned.set("response_mode", "unsupported");
  return cleaned;
}
