import type { ServerResponse } from "node:http";
import { locationText } from "../../../../src/shared/foreign-text.js";
import { sendJson } from "../../../../src/shared/send.js";
import { SignInProblem } from "../login/login-step.js";
import { problemPage } from "../pages/other-pages.js";
import { sendPage } from "../pages/page.js";
import type { Brand } from "../pages/page.js";
import { RegistrationError } from "./registration.js";
import { BodyProblem } from "./request-body.js";
import { ROUTES } from "../../sign-in-routes.js";

/** Routes that no person looks at. */
const FOR_PROGRAMS: ReadonlySet<string> = new Set([ROUTES.register, ROUTES.token, ROUTES.revoke]);

/** Sends the browser elsewhere, with a GET. */
export function redirect(res: ServerResponse, url: string): void {
  res.writeHead(303, { Location: locationText(url), "Content-Length": "0" }).end();
}

/** Answers with a page, or in the form of OAuth errors; whether it knew the error. */
export function answerProblem(
  res: ServerResponse,
  error: unknown,
  { path, brand }: { readonly path: string; readonly brand: Brand },
): boolean {
  if (res.headersSent) return false;
  if (error instanceof SignInProblem) {
    const { status, title, message: text } = error;
    sendPage(res, problemPage({ status, title, text }), brand);
    return true;
  }
  if (error instanceof RegistrationError) {
    sendJson(res, 400, { error: error.code, error_description: error.message });
    return true;
  }
  if (!(error instanceof BodyProblem)) return false;
  const { status, message: text } = error;
  if (FOR_PROGRAMS.has(path)) {
    sendJson(res, status, { error: "invalid_request", error_description: text });
  } else {
    sendPage(res, problemPage({ status, title: "This did not work", text }), brand);
  }
  return true;
}
