/**
 * Headers of every answer with a page, or of a route of pages. `same-origin` rather than `no-referrer`: with the latter,
 * browsers send `Origin: null` with our own forms.
 */
export const SAFE_HEADERS = {
  "Cache-Control": "no-store",
  "Referrer-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Cross-Origin-Opener-Policy": "same-origin",
} as const;
