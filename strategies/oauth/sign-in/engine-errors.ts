import type { KoaContextWithOIDC, Provider } from "oidc-provider";
import { describeTarget } from "./pages/consent-page.js";
import { html } from "../../../src/shared/html.js";
import { problemPage } from "./pages/other-pages.js";
import type { Problem } from "./pages/other-pages.js";
import { contentSecurityPolicy, renderPage } from "./pages/page.js";
import { SAFE_HEADERS } from "../../../src/shared/page-headers.js";
import type { Page } from "./pages/page.js";
import type { Approvals, Logins } from "./storage/records.js";
import type { Approval } from "./storage/login.js";
import { faultOfRedirectUri, redirectTarget } from "./requests/redirect-uri.js";
import type { SignInSettings } from "../options/sign-in-settings.js";
import { parseUrl } from "../../../src/shared/url.js";

/** An error as the engine tells it to a client. */
interface EngineError {
  readonly error: string;
  readonly error_description?: string | undefined;
}

export interface ErrorParts {
  readonly settings: SignInSettings;
  readonly logins: Logins;
  readonly approvals: Approvals;
}

/** What is known of the person when an authorization request has failed. */
export interface FailedRequest {
  readonly redirectUri: string;
  /** Whether a person answered our page, which named where the answer goes. */
  readonly wasAnswered: boolean;
  /** What the person who is signed in approved for this client before. */
  readonly approval: Approval | undefined;
}

/**
 * Whether the error of an authorization request is sent on without a page.
 *
 * Security decision: anybody can register, so a redirect URI is a stranger's until a person has
 * said yes to it, or no, on a page that names it. Else a link to this server would lead wherever
 * its author likes: an invalid scope or `prompt=none` is enough. A loopback address leads to no
 * stranger, and its program waits for the answer.
 *
 * @see RFC 9700, section 4.11.2
 */
export function maySendErrorOn({ redirectUri, wasAnswered, approval }: FailedRequest): boolean {
  if (parseUrl(redirectUri) === undefined) return false;
  if (wasAnswered || approval?.redirectUri === redirectUri) return true;
  return redirectTarget(redirectUri).kind === "this-computer";
}

/** Shows a page instead of an error's redirect to a client that nobody has approved. */
export function keepErrorsHere(provider: Provider, parts: ErrorParts): void {
  const failures = new WeakMap<object, EngineError>();
  const note = (ctx: KoaContextWithOIDC, error: Error): void => {
    failures.set(ctx, error as unknown as EngineError);
  };
  provider.on("authorization.error", note);
  provider.on("server_error", note);
  provider.use(async (ctx, next) => {
    await next();
    const error = failures.get(ctx);
    const location = ctx.res.getHeader("Location");
    if (error === undefined || typeof location !== "string") return;
    const failed = await describeFailure(ctx as KoaContextWithOIDC, parts);
    if (maySendErrorOn(failed)) return;
    ctx.remove("Location");
    // The engine gives some errors the status of their redirect.
    const { statusCode = 500 } = error as { readonly statusCode?: number };
    const status = Math.max(400, statusCode);
    const page = leavePage(error, { status, location, ...failed }, parts.settings);
    writePage(ctx, page, parts.settings);
  });
}

async function describeFailure(
  { oidc }: KoaContextWithOIDC,
  { logins, approvals }: ErrorParts,
): Promise<FailedRequest> {
  const { params, session, entities } = oidc;
  const { result } = entities.Interaction ?? {};
  const login = await logins.find(session?.accountId ?? "");
  const clientId = String(params?.["client_id"]);
  return {
    redirectUri: String(params?.["redirect_uri"]),
    wasAnswered: result?.["answered"] === true,
    approval: login && (await approvals.find(login.profile.id, clientId)),
  };
}

/** Says what went wrong, and leaves it to the person whether to go where the client waits. */
function leavePage(
  { error, error_description: description }: EngineError,
  { status, location, redirectUri }: FailedRequest & { status: number; location: string },
  { appSchemes }: SignInSettings,
): Page {
  const problem = problemPage(toProblem(status, error, description));
  // The rules may be other ones than when the client registered.
  if (faultOfRedirectUri(redirectUri, appSchemes) !== undefined) return problem;
  const target = describeTarget(redirectTarget(redirectUri));
  return {
    ...problem,
    content: html`${problem.content}
      <p>
        You never allowed this application anything here, so it was not told. If you know it,
        <a href="${location}" rel="noreferrer">tell it</a>; that leads to ${target}.
      </p>`,
  };
}

/** The engine's own errors, where nothing can be sent back to the client. */
export function renderError(
  ctx: KoaContextWithOIDC,
  { error, error_description: description }: EngineError,
  settings: SignInSettings,
): void {
  writePage(ctx, problemPage(toProblem(ctx.status, error, description)), settings);
}

function writePage(
  ctx: Pick<KoaContextWithOIDC, "set" | "type" | "body" | "status">,
  page: Page,
  { brand }: SignInSettings,
): void {
  ctx.set({ ...SAFE_HEADERS, "Content-Security-Policy": contentSecurityPolicy(brand) });
  ctx.status = page.status;
  ctx.type = "html";
  ctx.body = renderPage(page, brand);
}

function toProblem(status: number, error: string, description: string | undefined): Problem {
  return { status, title: "This did not work", text: explain(error, description), code: error };
}

function explain(error: string, description: string | undefined): string {
  switch (error) {
    case "invalid_client":
      return "The application that sent you here is not known to this server. Start again in the application.";
    case "invalid_redirect_uri":
      return "The application asked for the answer at an address that it did not register. Nothing was sent there.";
    case "access_denied":
      return "Nobody was signed in.";
    case "login_required":
    case "consent_required":
      return "The application asked without showing you anything, and that needs your approval first.";
    default:
      return `Start again in the application. (${description ?? "no further details"})`;
  }
}
