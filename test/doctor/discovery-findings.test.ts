import type { Answered, Unanswered } from "../../src/doctor/contract.js";
import { resourceMetadataRefused } from "../../src/doctor/findings/discovery.js";

/** What a server at a URL says whose challenge names a document that may not be asked. */
function evidenceOf(typed: string, named: string) {
  const url = new URL(typed);
  const get: Answered = {
    ...{ kind: "answered", method: "GET", url, status: 401, text: "", headMs: 1, bodyEnd: "whole" },
    headers: new Headers({ "www-authenticate": `Bearer resource_metadata="${named}"` }),
  };
  const reply: Unanswered = {
    ...{ kind: "unanswered", method: "GET", url: new URL(named), code: "NOT_ALLOWED" },
    reason: "It is on this machine, and what named it is not.",
  };
  return {
    target: { url, credentials: [], timeoutMs: 1, isQuick: true },
    stranger: { get, post: get },
    discovery: { named: [named], resource: [{ place: "challenge", reply } as const], issuers: [] },
  };
}

it("CLI-23: an app that does not know that it is reached over https is told so", () => {
  const document = "http://api.example.com/.well-known/oauth-protected-resource";
  const found = resourceMetadataRefused.look(evidenceOf("https://api.example.com/mcp", document));
  expect(found?.cause).toContain("does not know how it is reached");
  expect(found?.change).toContain("`publicUrl`");
});

it("CLI-23: a document on its reader's own machine is said to be there", () => {
  const document = "https://localhost/.well-known/oauth-protected-resource";
  const found = resourceMetadataRefused.look(evidenceOf("https://api.example.com/mcp", document));
  expect(found?.cause).toBe(
    "It may not be asked. It is on this machine, and what named it is not.",
  );
});
