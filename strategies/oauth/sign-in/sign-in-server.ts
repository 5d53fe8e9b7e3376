import type { KeyObject } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Interaction, Provider } from "oidc-provider";
import { McpSseError } from "../../../src/shared/errors.js";
import { sendJson } from "../../../src/shared/send.js";
import { queryOf } from "../../../src/shared/url.js";
import type { TokenHeader } from "../../jwt/jwt-strategy.js";
import { cleanAuthorizationQuery } from "./requests/authorization-request.js";
import { answerProblem, redirect } from "./requests/answers.js";
import { BrowserCookie, cookieNames, FormTokens } from "./requests/browser.js";
import { Consent } from "./consent.js";
import { createEngine } from "./engine.js";
import { KeyRing } from "./storage/key-ring.js";
import { forgedForm, unknownLogin } from "./login/login-step.js";
import type { LoginContext, LoginOutcome } from "./login/login-step.js";
import { createLoginStep } from "./login/create-login-step.js";
import { providerName } from "./storage/names.js";
import { OlderRecords } from "./storage/older-form.js";
import { loginPage } from "./pages/other-pages.js";
import type { OwnTokens } from "../own-tokens.js";
import { sendPage } from "./pages/page.js";
import { SAFE_HEADERS } from "../../../src/shared/page-headers.js";
import type { ProviderLogin } from "./login/provider-login.js";
import { sourceOf } from "./storage/owners.js";
import { RateLimit } from "./requests/rate-limit.js";
import { Approvals, Logins } from "./storage/records.js";
import { formTargets } from "./requests/redirect-uri.js";
import { RegisteredClients } from "./storage/registered-clients.js";
import { cleanRegistration } from "./requests/registration.js";
import { readForm, withReadableBody } from "./requests/request-body.js";
import { Revalidation } from "./login/revalidation.js";
import { ROUTES } from "../sign-in-routes.js";
import { SealedStorage } from "./storage/seal.js";
import { signOut } from "./sign-out.js";
import { StrategyLogin } from "./login/strategy-login.js";
import type { Upstream } from "./login/upstream.js";
import type { SignInParts } from "./sign-in-parts.js";

type NodeListener = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

/** A sign-in whose engine is loaded and whose keys are read. */
export class SignInServer {
  readonly records: SealedStorage;
  readonly logins: Logins;
  readonly upstream: Upstream;
  readonly #parts: SignInParts;
  readonly #keys: KeyRing;
  readonly #cookie: BrowserCookie;
  readonly #forms: FormTokens;
  readonly #approvals: Approvals;
  readonly #login: ProviderLogin | StrategyLogin;
  readonly #revalidation: Revalidation;
  readonly #registrations: RateLimit;
  readonly #documentFetches: RateLimit;
  readonly #clients: RegisteredClients;
  /** Failures of the engine, by the response they came up in. */
  readonly #failures = new WeakMap<object, Error>();
  #engine!: { readonly provider: Provider; readonly callback: NodeListener };

  private constructor(parts: SignInParts, keys: KeyRing) {
    const { settings } = parts;
    this.#parts = parts;
    this.#keys = keys;
    const { issuer } = settings;
    this.records = new SealedStorage(settings.storage, keys.sealKeys(), { issuer });
    this.#clients = new RegisteredClients(this.records);
    const ofProvider = this.records.with(providerName(settings.login, parts));
    this.logins = new Logins(ofProvider);
    this.#approvals = new Approvals(ofProvider);
    this.#forms = new FormTokens(keys);
    this.#cookie = new BrowserCookie(cookieNames(settings.issuer), keys);
    const perSource = settings.registrationsPerMinute;
    this.#registrations = new RateLimit({ perSource, total: perSource * 10 });
    this.#documentFetches = new RateLimit({ perSource, total: perSource * 10 });
    const { login, upstream, ask } = createLoginStep(parts, {
      logins: this.logins,
      records: ofProvider,
    });
    this.#login = login;
    this.upstream = upstream;
    this.#revalidation = new Revalidation({ logins: this.logins, rules: settings, ask });
  }

  static async create(parts: SignInParts): Promise<SignInServer> {
    const { settings, scopes } = parts;
    const { storage, issuer, keys: given } = settings;
    const older = new OlderRecords(storage, parts.warn);
    await older.lookForKeys();
    const keys = await KeyRing.load({ storage, issuer, given });
    const server = new SignInServer(parts, keys);
    const provider = createEngine({
      settings,
      scopes,
      keys,
      cookies: cookieNames(settings.issuer),
      records: server.records,
      clients: server.#clients,
      older,
      logins: server.logins,
      revalidation: server.#revalidation,
      approvals: server.#approvals,
      documentFetches: server.#documentFetches,
      usedDocumentFetches: new RateLimit({ perSource: settings.registrationsPerMinute }),
      onFailure: (res, error) => server.#failures.set(res, error),
      reports: parts.reports,
    });
    server.#engine = { provider, callback: provider.callback() };
    return server;
  }

  /** The key for a token of ours. */
  async keyFor(header: TokenHeader, token: string, tokens: OwnTokens): Promise<KeyObject> {
    return tokens.keyFor(header, token, this.#keys);
  }

  /**
   * Answers a request below the prefix.
   *
   * @throws McpSseError, for the log, also when the answer was sent already.
   */
  async handle(req: IncomingMessage, res: ServerResponse, path: string): Promise<void> {
    for (const [name, value] of Object.entries(SAFE_HEADERS)) res.setHeader(name, value);
    try {
      await this.#route(req, res, path);
    } catch (error) {
      const { brand } = this.#parts.settings;
      if (!answerProblem(res, error, { path, brand })) throw error;
    }
  }

  async #route(req: IncomingMessage, res: ServerResponse, path: string): Promise<void> {
    if (path.startsWith(`${ROUTES.interaction}/`)) {
      await this.#interact(req, res, path);
      return;
    }
    switch (path) {
      case ROUTES.authorize:
        await this.#authorize(req, res);
        return;
      case ROUTES.register:
        await this.#register(req, res);
        return;
      case ROUTES.callback:
        await this.#callback(req, res);
        return;
      case ROUTES.signOut:
        await signOut(req, res, {
          provider: this.#engine.provider,
          settings: this.#parts.settings,
          logins: this.logins,
          forms: this.#forms,
          cookies: cookieNames(this.#parts.settings.issuer),
          reports: this.#parts.reports,
        });
        return;
      default:
        await this.#engineAnswers(await withReadableBody(req), res);
    }
  }

  async #engineAnswers(req: IncomingMessage, res: ServerResponse): Promise<void> {
    await this.#engine.callback(req, res);
    const cause = this.#failures.get(res);
    if (cause === undefined) return;
    if (cause instanceof McpSseError) throw cause;
    throw new McpSseError("server_error", "The sign-in failed.", { cause });
  }

  async #authorize(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const query = cleanAuthorizationQuery(queryOf(req.url), this.#parts.scopes);
    const url = `${ROUTES.authorize}?${query.toString()}`;
    const cleaned = Object.create(req, {
      url: { value: url, writable: true },
    }) as IncomingMessage;
    await this.#engineAnswers(cleaned, res);
  }

  async #register(req: IncomingMessage, res: ServerResponse): Promise<void> {
    // Pages of other sites can send anything else, and would use up what a network may register.
    if (req.method !== "POST") {
      await this.#engineAnswers(req, res);
      return;
    }
    const waitSeconds = await this.#registrations.take(sourceOf(req), sourceOf(req, 48));
    if (waitSeconds !== undefined) {
      res.setHeader("Retry-After", String(waitSeconds));
      sendJson(res, 429, {
        error: "temporarily_unavailable",
        error_description: "too many registrations; try again later",
      });
      return;
    }
    const { appSchemes } = this.#parts.settings;
    await this.#engineAnswers(await cleanRegistration(req, appSchemes), res);
  }

  /** The pages between an authorization request and its answer. */
  async #interact(req: IncomingMessage, res: ServerResponse, path: string): Promise<void> {
    const { provider } = this.#engine;
    const interaction = await provider.interactionDetails(req, res).catch(() => {
      throw unknownLogin();
    });
    // The cookie says which request this is; the URL must say the same.
    if (path !== `${ROUTES.interaction}/${interaction.uid}`) throw unknownLogin();
    if (interaction.prompt.name === "consent") {
      await this.#consent(req, res, interaction);
      return;
    }
    const browser = this.#cookie.ensure(req, res);
    const context = { uid: interaction.uid, browser };
    const outcome =
      req.method === "POST"
        ? await this.#submitLogin(req, context)
        : await this.#login.begin(req, context);
    await this.#finish(res, outcome, context);
  }

  async #consent(
    req: IncomingMessage,
    res: ServerResponse,
    interaction: Interaction,
  ): Promise<void> {
    const login = await this.logins.find(interaction.session?.accountId ?? "");
    if (login === undefined) throw unknownLogin();
    const { provider } = this.#engine;
    const { settings, reports } = this.#parts;
    const approvals = this.#approvals;
    const consent = new Consent({ provider, settings, approvals, forms: this.#forms, reports });
    if (req.method === "POST") await consent.answer(req, res, { interaction, login });
    else await consent.ask(res, { interaction, login });
  }

  async #submitLogin(req: IncomingMessage, context: LoginContext): Promise<LoginOutcome> {
    if (!(this.#login instanceof StrategyLogin)) throw forgedForm();
    const form = await readForm(req);
    if (!this.#forms.isGood(form.get("token"), aboutLogin(context))) throw forgedForm();
    form.delete("token");
    return await this.#login.submit(req, context, Object.fromEntries(form));
  }

  /** The answer of wherever the person was sent to sign in. */
  async #callback(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { issuer } = this.#parts.settings;
    if (req.method === "POST" && this.#login instanceof StrategyLogin) {
      const query = await this.#login.deferPost(req, await readForm(req));
      redirect(res, `${issuer}${ROUTES.callback}?${query}`);
      return;
    }
    const browser = this.#cookie.read(req);
    const outcome = await this.#login.complete(req, queryOf(req.url), browser);
    await this.#finish(res, outcome, { uid: "", browser: browser ?? "" });
  }

  /** Lets the authorization request go on with what its login came to. */
  async #finish(res: ServerResponse, outcome: LoginOutcome, context: LoginContext): Promise<void> {
    if (outcome.kind === "redirect") {
      redirect(res, outcome.url);
      return;
    }
    const { provider } = this.#engine;
    const { uid } = outcome.kind === "form" ? context : outcome;
    const interaction = await provider.Interaction.find(uid);
    if (interaction === undefined) throw unknownLogin();
    if (outcome.kind === "form") {
      this.#sendLoginForm(res, { context, interaction, failed: outcome.failed });
      return;
    }
    if (outcome.kind === "failed") {
      interaction.result = { error: outcome.error, error_description: outcome.description };
    } else {
      await this.#endOldSession(interaction);
      interaction.result = { login: { accountId: await this.logins.create(outcome.login) } };
    }
    await interaction.save(Math.max(1, interaction.exp - Math.floor(Date.now() / 1000)));
    redirect(res, interaction.returnTo);
    if (outcome.kind === "failed" && outcome.cause !== undefined) {
      const { cause } = outcome;
      throw new McpSseError(
        "temporarily_unavailable",
        `The sign-in failed: ${outcome.description}.`,
        {
          cause,
        },
      );
    }
  }

  /** Somebody signs in anew in a browser that had a session: that session ends, its tokens do not. */
  async #endOldSession(interaction: Interaction): Promise<void> {
    const { session } = interaction;
    if (session === undefined) return;
    await (await this.#engine.provider.Session.findByUid(session.uid))?.destroy();
    delete interaction.session;
  }

  #sendLoginForm(
    res: ServerResponse,
    {
      context,
      interaction,
      failed,
    }: {
      readonly context: LoginContext;
      readonly interaction: Interaction;
      readonly failed: boolean;
    },
  ): void {
    const { brand, login, appSchemes } = this.#parts.settings;
    const leadsTo = formTargets(String(interaction.params["redirect_uri"]), appSchemes);
    const fields = login.kind === "strategy" ? (login.form ?? []) : [];
    const formToken = this.#forms.create(aboutLogin(context));
    sendPage(res, loginPage(fields, { serverName: brand.name, formToken, failed, leadsTo }), brand);
  }
}

/** What a login form decides: it fits no other request, and no other browser. */
function aboutLogin({ uid, browser }: LoginContext): readonly string[] {
  return ["login", uid, browser];
}
