import type { IncomingMessage, ServerResponse } from "node:http";
import type { Interaction, Provider } from "oidc-provider";
import type { FormTokens } from "./requests/browser.js";
import { consentPage } from "./pages/consent-page.js";
import { requestedResources } from "./login/grants.js";
import { forgedForm } from "./login/login-step.js";
import { sendPage } from "./pages/page.js";
import type { MethodReports } from "../../shared/method-reports.js";
import type { Approvals } from "./storage/records.js";
import type { Login } from "./storage/login.js";
import { isRecognisable } from "./requests/redirect-uri.js";
import { readForm } from "./requests/request-body.js";
import { ROUTES } from "../sign-in-routes.js";
import type { SignInSettings } from "../options/sign-in-settings.js";

export interface ConsentParts {
  readonly provider: Provider;
  readonly settings: SignInSettings;
  readonly approvals: Approvals;
  readonly forms: FormTokens;
  readonly reports: MethodReports;
}

/** A request that waits for the consent of a person who is signed in. */
export interface ConsentInteraction {
  readonly interaction: Interaction;
  readonly login: Login;
}

/** Asks a person whether a client may act for them, and records the answer. */
export class Consent {
  readonly #parts: ConsentParts;

  constructor(parts: ConsentParts) {
    this.#parts = parts;
  }

  /** Shows what is asked for. */
  async ask(res: ServerResponse, { interaction, login }: ConsentInteraction): Promise<void> {
    const { settings, provider, forms } = this.#parts;
    const { clientId, redirectUri, scopes } = readRequest(interaction);
    const client = await provider.Client.find(clientId);
    const isDocument = client !== undefined && "clientIdMetadataDocument" in client;
    const page = consentPage({
      clientName: client?.clientName,
      vouchedBy: isDocument ? new URL(clientId).host : undefined,
      redirectUri,
      appSchemes: settings.appSchemes,
      scopes,
      person: login.profile.name ?? login.profile.id,
      serverName: settings.brand.name,
      formToken: forms.create(about(interaction)),
      signOutUrl: `${settings.issuer}${ROUTES.signOut}`,
    });
    sendPage(res, page, settings.brand);
  }

  /**
   * Takes the answer, and lets the request go on.
   *
   * @throws SignInProblem for a form that was not sent with our page.
   */
  async answer(
    req: IncomingMessage,
    res: ServerResponse,
    { interaction, login }: ConsentInteraction,
  ): Promise<void> {
    const form = await readForm(req);
    if (!this.#parts.forms.isGood(form.get("token"), about(interaction))) throw forgedForm();
    const { provider, approvals } = this.#parts;
    const { clientId } = readRequest(interaction);
    if (form.get("decision") !== "approve") {
      // Whoever changes their mind is asked again next time.
      await approvals.forget(login.profile.id, clientId);
      this.#tell("denied", login, clientId);
      const denial = { error: "access_denied", error_description: "the person denied the request" };
      // Kept with the request: the page named where this goes.
      const result = { ...denial, answered: true };
      await provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false });
      return;
    }
    const grantId = await this.#grant(interaction, login);
    this.#tell("approved", login, clientId);
    await provider.interactionFinished(
      req,
      res,
      { consent: { grantId } },
      { mergeWithLastSubmission: true },
    );
  }

  #tell(event: "approved" | "denied", { profile }: Login, clientId: string): void {
    const { reports, settings } = this.#parts;
    reports.signedIn({ event, person: profile.id, issuer: settings.issuer, clientId });
  }

  async #grant(interaction: Interaction, login: Login): Promise<string> {
    const { provider, settings, approvals } = this.#parts;
    const { clientId, redirectUri, scopes } = readRequest(interaction);
    const accountId = interaction.session?.accountId ?? "";
    const grant = new provider.Grant({ accountId, clientId });
    for (const resource of requestedResources(interaction.params, settings)) {
      grant.addResourceScope(resource, scopes.join(" "));
    }
    if (isRecognisable(redirectUri)) {
      await approvals.remember(login.profile.id, clientId, { scopes, redirectUri });
    }
    return await grant.save();
  }
}

function readRequest({ params }: Interaction): {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scopes: readonly string[];
} {
  return {
    clientId: String(params["client_id"]),
    redirectUri: String(params["redirect_uri"]),
    scopes: String(params["scope"]).split(" "),
  };
}

/** What a consent form decides, and for whom: it fits no other request, and no other session. */
function about({ uid, session }: Interaction): readonly string[] {
  return ["consent", uid, session?.uid ?? ""];
}
