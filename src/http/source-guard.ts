import cors from "cors";
import type { AuthMethod } from "../auth/auth-method.js";
import { McpSseError } from "../shared/errors.js";
import type { ResolvedOptions } from "../options/resolve.js";
import { corsOptions, checkSource } from "./origin.js";
import type { CorsPolicy, RequestSource, SourceVerdict } from "./origin.js";
import type { IncomingRequest } from "./incoming-request.js";
import type { Transport } from "./transport.js";

/** The first step of every request: the headers of every answer, and where the request comes from. */
export class SourceGuard {
  readonly #options: ResolvedOptions;
  readonly #cors: ReturnType<typeof cors>;
  readonly #headers: readonly (readonly [string, string])[];
  /** The source that was let in last. */
  #lastAllowed: RequestSource | undefined;

  /** @param transports whose methods and headers pages may use, where they may call. */
  constructor(
    options: ResolvedOptions,
    methods: readonly AuthMethod[],
    transports: readonly Transport[],
  ) {
    const routes = transports.flatMap((transport) => transport.routes);
    this.#options = options;
    this.#headers = Object.entries(options.headers);
    const policy: CorsPolicy = {
      allowedOrigins: options.sourceRules.allowedOrigins,
      methods: [...new Set(routes.map(({ method }) => method))],
      responseHeaders: transports.flatMap((each) => each.responseHeaders ?? []),
      requestHeaders: [...transports, ...methods].flatMap((each) => each.requestHeaders ?? []),
      requestHeaderPrefixes: transports.flatMap((each) => each.requestHeaderPrefixes ?? []),
      credentials: options.corsCredentials,
    };
    const usual = { ...corsOptions(policy), preflightContinue: true };
    this.#cors = cors(({ headers }, done) => {
      const asked = headers["access-control-request-headers"];
      done(null, asked === undefined ? usual : { ...usual, ...corsOptions(policy, asked) });
    });
  }

  /**
   * Sets the headers that every answer has, refusals included, and lets the request in.
   *
   * @param anyOrigin whether the Origin is not looked at, because other sites post forms here.
   * @throws McpSseError 403 for a Host or an Origin that is not allowed.
   */
  admit({ req, res, parts, viaTrustedProxy }: IncomingRequest, anyOrigin: boolean): void {
    const { headers, socket } = parts;
    for (const [name, value] of this.#headers) res.setHeader(name, value);
    // Without Origin there is nothing to say; an app that answers CORS itself keeps its answer.
    const { host, origin } = headers;
    if (origin !== undefined && !res.hasHeader("Access-Control-Allow-Origin")) {
      this.#cors(req, res, () => undefined);
    }
    const checked = anyOrigin ? undefined : origin;
    const { localAddress } = socket;
    // Almost every request comes from where the last one came from.
    const last = this.#lastAllowed;
    const isSame =
      last?.host === host &&
      last?.origin === checked &&
      last?.localAddress === localAddress &&
      last?.viaTrustedProxy === viaTrustedProxy;
    if (!isSame) this.#check({ host, origin: checked, localAddress, viaTrustedProxy });
  }

  #check(source: RequestSource): void {
    const verdict = checkSource(source, this.#options.sourceRules);
    if (verdict !== "allowed") throw sourceRefused(verdict);
    this.#lastAllowed = source;
  }
}

/** What a request gets that comes from elsewhere. */
export function sourceRefused(verdict: Exclude<SourceVerdict, "allowed">): McpSseError {
  return verdict === "host-not-allowed"
    ? new McpSseError(
        "host_not_allowed",
        "This Host is not served here. The operator can name it in allowedHosts or publicUrl.",
      )
    : new McpSseError(
        "origin_not_allowed",
        "Pages of this origin may not call. The operator can name it in cors.allowOrigins.",
      );
}
