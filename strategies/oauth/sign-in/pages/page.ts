import { hash } from "node:crypto";
import type { ServerResponse } from "node:http";
import { SAFE_HEADERS } from "../../../../src/shared/page-headers.js";
import { sendText } from "../../../../src/shared/send.js";
import { html } from "../../../../src/shared/html.js";
import type { Markup } from "../../../../src/shared/html.js";
import { policySource } from "../requests/redirect-uri.js";

/** How the operator's server presents itself on the pages. */
export interface Brand {
  /** Name of the server. */
  readonly name: string;
  /** An https URL of a picture. Default: none. */
  readonly logoUrl?: string | undefined;
}

/** A page. */
export interface Page {
  readonly status: number;
  readonly title: string;
  readonly content: Markup;
  /** Where its forms may lead, beside this server, as sources of a policy. Default: nowhere else. */
  readonly formTargets?: readonly string[];
}

const STYLE = `
:root { color-scheme: light dark; --line: #c9ced6; --ink: #1b1f24; --soft: #57606a; --paper: #fff;
  --back: #f3f4f6; --accent: #0b57d0; --on-accent: #fff; --warn: #fff4d6; --warn-ink: #5c3b00; }
@media (prefers-color-scheme: dark) { :root { --line: #444c56; --ink: #e6edf3; --soft: #a5b0bb;
  --paper: #1c2128; --back: #0d1117; --accent: #8ab4f8; --on-accent: #0b1a33; --warn: #3a2d0c; --warn-ink: #ffdf9e; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
  background: var(--back); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 28rem; background: var(--paper); border: 1px solid var(--line);
  border-radius: .75rem; padding: 1.5rem; overflow-wrap: anywhere; }
.brand { display: flex; align-items: center; gap: .6rem; margin: 0 0 1rem; color: var(--soft); }
.brand img { width: 2rem; height: 2rem; object-fit: contain; }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 1rem; }
dl { margin: 0 0 1rem; border-top: 1px solid var(--line); }
dl > div { padding: .6rem 0; border-bottom: 1px solid var(--line); }
dt { color: var(--soft); font-size: .875rem; }
dd { margin: 0; }
ul { margin: 0; padding-left: 1.2rem; }
.warning { background: var(--warn); color: var(--warn-ink); border-radius: .5rem; padding: .7rem .9rem; margin: 0 0 1rem; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; }
button { flex: 1 1 9rem; min-height: 2.9rem; padding: .5rem 1rem; font: inherit; font-weight: 600;
  border-radius: .5rem; border: 1px solid var(--line); background: var(--paper); color: var(--ink); cursor: pointer; }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
label { display: block; margin: 0 0 1rem; }
input { display: block; width: 100%; min-height: 2.75rem; padding: .4rem .7rem; font: inherit;
  color: var(--ink); background: var(--paper); border: 1px solid var(--soft); border-radius: .5rem; }
a { color: var(--accent); }
.soft { color: var(--soft); font-size: .875rem; }
`;

const STYLE_HASH = `'sha256-${hash("sha256", STYLE, "base64")}'`;

/**
 * What a page may do: show itself, its one style sheet, the operator's picture, and send its form
 * to this server.
 *
 * Security decision: no script, and no frame, so that nobody lays another page over the button.
 * `form-action` also names where the answer redirects to; see {@link formTargets}.
 *
 * @see Content Security Policy Level 3; RFC 9700, section 4.16
 */
export function contentSecurityPolicy(brand: Brand, formTargets: readonly string[] = []): string {
  const logo = brand.logoUrl === undefined ? "'none'" : policySource(brand.logoUrl);
  return [
    "default-src 'none'",
    `style-src ${STYLE_HASH}`,
    `img-src ${logo}`,
    `form-action ${["'self'", ...formTargets].join(" ")}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

/** The page as text. */
export function renderPage(page: Page, brand: Brand): string {
  const logo = brand.logoUrl !== undefined && html`<img src="${brand.logoUrl}" alt="" />`;
  // The style sheet is known by its hash, so not a character of it may be escaped.
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${html`<title>${page.title} – ${brand.name}</title>`.text}
<style>${STYLE}</style>
</head>
<body>
${
  html`<main>
    <p class="brand">${logo}<span>${brand.name}</span></p>
    <h1>${page.title}</h1>
    ${page.content}
  </main>`.text
}
</body>
</html>
`;
}

/** Sends a page. */
export function sendPage(res: ServerResponse, page: Page, brand: Brand): void {
  sendText(res, page.status, "text/html; charset=utf-8", renderPage(page, brand), {
    ...SAFE_HEADERS,
    "Content-Security-Policy": contentSecurityPolicy(brand, page.formTargets),
  });
}
