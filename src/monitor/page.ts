import { hash } from "node:crypto";
import type { ServerResponse } from "node:http";
import { html } from "../shared/html.js";
import type { Markup } from "../shared/html.js";
import { SAFE_HEADERS } from "../shared/page-headers.js";
import { sendText } from "../shared/send.js";
import { SCRIPT } from "./page-script.js";
import { STYLE } from "./page-style.js";

/** A page, below what stands on each of them. */
export interface Page {
  readonly status: number;
  readonly title: string;
  /** What stands beside the title, above it all. Default: the title stands in the content. */
  readonly head?: Markup;
  readonly content: Markup;
  /** Where it hears what has changed; a page without has no script. */
  readonly liveAt?: string;
}

/**
 * What a page may do: show itself, run its one script, hear from this server, and send it a form.
 *
 * Security decision: script and style are known by their digests, so that nothing else runs, wherever it comes from: not
 * what somebody called himself, and not what is uploaded to this server. No frame: nobody lays another page over
 * a button. No font, and no picture but the icon, which is in the page; nothing of others.
 *
 * @see Content Security Policy Level 3; Trusted Types, section 4
 */
export const CONTENT_POLICY = [
  "default-src 'none'",
  `script-src '${digest(SCRIPT)}'`,
  `style-src '${digest(STYLE)}'`,
  "img-src data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types monitor",
].join("; ");

/** Three bars. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16' fill='%230b57d0'%3E" +
  "%3Cpath d='M1 15V9h4v6zM6 15V1h4v14zM11 15V6h4v9z'/%3E%3C/svg%3E";

function digest(text: string): string {
  return `sha256-${hash("sha256", text, "base64")}`;
}

/** Headers of every answer: what is said here is for nobody else's pages. */
export const HEADERS = { ...SAFE_HEADERS, "Cross-Origin-Resource-Policy": "same-origin" } as const;

/** Sends a page. */
export function sendPage(
  res: ServerResponse,
  page: Page,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendText(res, page.status, "text/html; charset=utf-8", renderPage(page), {
    ...HEADERS,
    "Content-Security-Policy": CONTENT_POLICY,
    ...headers,
  });
}

/** Script and style are known by their digests, so not a character of them may be escaped. */
function renderPage({ title, head, content, liveAt }: Page): string {
  const body =
    liveAt === undefined ? html`<body></body>` : html`<body data-live="${liveAt}"></body>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="${ICON}">
${html`<title>${title}</title>`.text}
<style>${STYLE}</style>
</head>
${body.text}
${
  html`${
    head !== undefined &&
    html`<header>
      <h1>${title}</h1>
      ${head}
    </header>`
  }
  ${content}`.text
}
${liveAt === undefined ? "" : `<script>${SCRIPT}</script>`}
</body>
</html>
`;
}
