import type { IncomingMessage, ServerResponse } from "node:http";
import type { Provider, Session } from "oidc-provider";
import { cookieText } from "../../../src/shared/cookies.js";
import type { CookieNames, FormTokens } from "./requests/browser.js";
import { forgedForm } from "./login/login-step.js";
import { sendPage } from "./pages/page.js";
import { signedOutPage, signOutPage } from "./pages/other-pages.js";
import type { MethodReports } from "../../shared/method-reports.js";
import type { Logins } from "./storage/records.js";
import { readForm } from "./requests/request-body.js";
import type { SignInSettings } from "../options/sign-in-settings.js";

export interface SignOutParts {
  readonly provider: Provider;
  readonly settings: SignInSettings;
  readonly logins: Logins;
  readonly forms: FormTokens;
  readonly cookies: CookieNames;
  readonly reports: MethodReports;
}

/**
 * Ends the login of this browser: its session, every token that clients got with it, and the
 * provider's tokens. The person stays signed in at the provider itself.
 *
 * @throws SignInProblem for a form that was not sent with our page.
 */
export async function signOut(
  req: IncomingMessage,
  res: ServerResponse,
  { provider, settings, logins, forms, cookies, reports }: SignOutParts,
): Promise<void> {
  const session = await signedInSession(req, res, provider);
  const { brand } = settings;
  const accountId = session?.accountId;
  if (session === undefined || accountId === undefined) {
    sendPage(res, signedOutPage(brand.name), brand);
    return;
  }
  const about = ["sign-out", session.uid];
  if (req.method === "POST") {
    const form = await readForm(req);
    if (!forms.isGood(form.get("token"), about)) throw forgedForm();
    const person = (await logins.find(accountId))?.profile.id;
    await logins.end(accountId);
    reports.signedIn({ event: "revoked", person, issuer: settings.issuer, clientId: undefined });
    await session.destroy();
    res.appendHeader("Set-Cookie", expired(cookies.session, cookies.secure));
    res.appendHeader("Set-Cookie", expired(`${cookies.session}.sig`, cookies.secure));
    sendPage(res, signedOutPage(brand.name), brand);
    return;
  }
  const login = await logins.find(accountId);
  const person = login?.profile.name ?? login?.profile.id ?? "somebody";
  sendPage(res, signOutPage(person, brand.name, forms.create(about)), brand);
}

/** The engine's session of this browser, from its signed cookie. */
async function signedInSession(
  req: IncomingMessage,
  res: ServerResponse,
  provider: Provider,
): Promise<Session | undefined> {
  const find = provider.Session as unknown as {
    get(ctx: unknown): Promise<Session>;
  };
  const session = await find.get(provider.createContext(req, res));
  return session.accountId === undefined ? undefined : session;
}

function expired(name: string, isSecure: boolean): string {
  return cookieText({ name, value: "", path: "/", isSecure, maxAge: 0 });
}
