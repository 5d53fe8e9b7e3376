import { displayText, html } from "../../../../src/shared/html.js";
import type { Markup } from "../../../../src/shared/html.js";
import type { Page } from "./page.js";
import { formTargets, redirectTarget } from "../requests/redirect-uri.js";
import type { RedirectTarget } from "../requests/redirect-uri.js";

/** Who asks for what, as the page shows it. Every text but the brand may come from a stranger. */
export interface ConsentRequest {
  /** What the client calls itself. */
  readonly clientName: string | undefined;
  /** Host that vouches for the client: that of its metadata document. `undefined`: nobody does. */
  readonly vouchedBy: string | undefined;
  readonly redirectUri: string;
  /** Schemes of apps that the client's page may send the browser on to. */
  readonly appSchemes: readonly string[];
  readonly scopes: readonly string[];
  /** Who is signed in. */
  readonly person: string;
  readonly serverName: string;
  /** Ties the form to this browser and request. */
  readonly formToken: string;
  readonly signOutUrl: string;
}

/** Asks the person who is signed in whether a client may act for them. */
export function consentPage(request: ConsentRequest): Page {
  const target = redirectTarget(request.redirectUri);
  const name = displayText(request.clientName ?? "");
  const client = name === "" ? "An application without a name" : name;
  return {
    status: 200,
    title: `Allow access to ${request.serverName}?`,
    formTargets: formTargets(request.redirectUri, request.appSchemes),
    content: html`
      <p id="question">
        <strong><bdi>${client}</bdi></strong> wants to use ${request.serverName} on your behalf.
      </p>
      ${warnings(target, request)}
      <dl>
        <div>
          <dt>You are signed in as</dt>
          <dd><bdi>${displayText(request.person)}</bdi></dd>
        </div>
        <div>
          <dt>The answer is sent to</dt>
          <dd>${describeTarget(target)}</dd>
        </div>
        <div>
          <dt>It asks for</dt>
          <dd>
            <ul>
              ${request.scopes.map((scope) => html`<li><bdi>${displayText(scope)}</bdi></li>`)}
            </ul>
          </dd>
        </div>
      </dl>
      <form method="post" aria-describedby="question">
        <input type="hidden" name="token" value="${request.formToken}" />
        <div class="actions">
          <button type="submit" name="decision" value="deny">Deny</button>
          <button type="submit" name="decision" value="approve" class="primary">Approve</button>
        </div>
      </form>
      <p class="soft">Not you? <a href="${request.signOutUrl}">Sign out</a> first.</p>
    `,
  };
}

/** Where an answer goes, in words. */
export function describeTarget(target: RedirectTarget): Markup {
  if (target.kind === "website") return html`<bdi>${displayText(target.host)}</bdi>`;
  if (target.kind === "this-computer") {
    return html`a program on this computer (<bdi>${displayText(target.host)}</bdi>)`;
  }
  return html`the app that opens <bdi>${displayText(target.scheme)}:</bdi> links on this device`;
}

function warnings(target: RedirectTarget, { vouchedBy }: ConsentRequest): readonly Markup[] {
  const list: Markup[] = [];
  if (target.kind === "this-computer") {
    list.push(
      html`<p class="warning" role="note">
        A program on this computer gets access. Approve only if you started it yourself just now.
      </p>`,
    );
  }
  if (target.kind === "app") {
    list.push(
      html`<p class="warning" role="note">
        An app on this device gets access. Approve only if you started this in that app just now.
      </p>`,
    );
  }
  list.push(
    vouchedBy === undefined
      ? html`<p class="warning" role="note">
          This application registered itself, and nobody has checked its name.
        </p>`
      : html`<p class="soft">Its name comes from <bdi>${displayText(vouchedBy)}</bdi>.</p>`,
  );
  return list;
}
