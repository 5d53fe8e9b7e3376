import type { LoginField } from "../../options/sign-in-config.js";
import { displayText, html } from "../../../../src/shared/html.js";
import type { Page } from "./page.js";

/** What went wrong, in words for the person in front of the browser. */
export interface Problem {
  readonly status: number;
  readonly title: string;
  readonly text: string;
  /** The OAuth error code, for whoever is asked for help. Default: none. */
  readonly code?: string | undefined;
}

/** Tells a person what went wrong when it cannot be sent back to the client. */
export function problemPage({ status, title, text, code }: Problem): Page {
  return {
    status,
    title,
    content: html`<p role="alert">${displayText(text, 300)}</p>
      ${code !== undefined && html`<p class="soft">Error: <code>${displayText(code)}</code></p>`}`,
  };
}

/** What the page of a login form says beside its fields. */
export interface LoginPageParts {
  readonly serverName: string;
  readonly formToken: string;
  /** Whether it did not work before. */
  readonly failed: boolean;
  /** Where the browser may be sent once it did, as sources of a policy. */
  readonly leadsTo: readonly string[];
}

/** Asks for what the operator's strategy needs, for example a user name and a password. */
export function loginPage(
  fields: readonly LoginField[],
  { serverName, formToken, failed, leadsTo }: LoginPageParts,
): Page {
  return {
    status: failed ? 403 : 200,
    formTargets: leadsTo,
    title: `Sign in to ${serverName}`,
    content: html`
      ${failed && html`<p class="warning" role="alert">That did not work. Please try again.</p>`}
      <form method="post">
        <input type="hidden" name="token" value="${formToken}" />
        ${fields.map(
          ({ name, label, type = "text" }) =>
            html`<label
              >${label}<input
                name="${name}"
                type="${type}"
                autocomplete="${type === "password" ? "current-password" : "username"}"
                required
            /></label>`,
        )}
        <div class="actions"><button type="submit" class="primary">Sign in</button></div>
      </form>
    `,
  };
}

/** Asks whether to sign out. */
export function signOutPage(person: string, serverName: string, formToken: string): Page {
  return {
    status: 200,
    title: `Sign out of ${serverName}?`,
    content: html`
      <p>You are signed in as <bdi>${displayText(person)}</bdi>.</p>
      <p>
        Every application that you allowed from this browser since you signed in loses its access.
      </p>
      <form method="post">
        <input type="hidden" name="token" value="${formToken}" />
        <div class="actions"><button type="submit" class="primary">Sign out</button></div>
      </form>
    `,
  };
}

/** Says that nobody is signed in, or not any more. */
export function signedOutPage(serverName: string): Page {
  return {
    status: 200,
    title: "You are signed out",
    content: html`<p>
      Nobody is signed in to ${serverName} in this browser. You may close this page.
    </p>`,
  };
}
