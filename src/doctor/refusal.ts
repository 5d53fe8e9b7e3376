import { isAnswered, isSuccess } from "./ask.js";
import type { Answered, Reply } from "./contract.js";
import type { Evidence } from "./evidence.js";
import { codeIn, jsonIn } from "./messages.js";
import { readChallenges } from "./read-challenge.js";
import type { ReadChallenge } from "./read-challenge.js";
import { quoted, told } from "./words.js";

/** How the server turned the caller away who showed a credential. */
export interface Refusal {
  readonly reply: Answered;
  /** The code of the body, or of the challenge; empty where there is none. */
  readonly code: string;
  /** What the server says of it, in its own words; empty where it says nothing. */
  readonly words: string;
  readonly challenges: readonly ReadChallenge[];
}

/** Answers to requests that showed the credential, in the order in which they tell most. */
function authorizedReplies(evidence: Evidence): readonly Reply[] {
  const { streamable, stream, messages, modern } = evidence;
  const replies = [
    streamable?.initialize,
    stream?.reply,
    modern?.tools,
    messages?.initialize,
    streamable?.tools,
    messages?.tools,
  ];
  return replies.filter((reply) => reply !== undefined);
}

/** Statuses that turn a caller away for who they are. */
const REFUSING: readonly number[] = [401, 403, 429, 503];

/**
 * How the credential was refused; `undefined` where none was shown, and where it let its holder in
 * anywhere: then another fault is the cause of what fails.
 */
export function refusalOf(evidence: Evidence): Refusal | undefined {
  if (evidence.target.credentials.length === 0 || isLetIn(evidence)) return undefined;
  const replies = authorizedReplies(evidence).filter(isAnswered);
  const reply = REFUSING.map((status) => replies.find((each) => each.status === status)).find(
    (each) => each !== undefined,
  );
  return reply === undefined ? undefined : readRefusal(reply);
}

/** Whether the credential has let its holder in. */
export function isLetIn(evidence: Evidence): boolean {
  return authorizedReplies(evidence).some(isSuccess);
}

/** What an answer says of why: JSON-RPC errors and OAuth errors both carry a code and a text. */
function readRefusal(reply: Answered): Refusal {
  const challenges = readChallenges(reply.headers.get("www-authenticate"));
  const bearer = challenges.find(({ params }) => params.has("error"))?.params;
  const body = jsonIn(reply.text) ?? {};
  const inner = objectOf(body["error"]);
  const code = codeIn(reply) ?? bearer?.get("error");
  const words =
    textOf(body["error_description"]) ??
    textOf(inner["message"]) ??
    bearer?.get("error_description") ??
    [body["message"], body["detail"], body["error"]].map(textOf).find((text) => text !== undefined);
  return { reply, code: code ?? "", words: words ?? plainText(reply), challenges };
}

/** A body that is no JSON and no page. */
function plainText({ text }: Answered): string {
  return /^\s*[<{[]/.test(text) ? "" : text.trim().slice(0, 300);
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The refusal in sentences: what was asked, what came, and what was said. */
export function seenRefusal({ reply, code, words }: Refusal): string {
  const said = words !== "" ? words : code;
  return said === "" ? told(reply) : `${told(reply)} It says: ${quoted(said)}`;
}
