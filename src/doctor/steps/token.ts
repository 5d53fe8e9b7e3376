import { WELL_KNOWN_PATH } from "../../auth/protected-resource.js";
import type { Ask } from "../contract.js";
import type { DocumentEvidence, Evidence, TokenEvidence } from "../evidence.js";
import { issuerOfToken, metadataOf } from "../read-discovery.js";
import { describeToken, readToken } from "../read-token.js";
import { sentToken } from "../sent-token.js";
import type { Step, Visit } from "../step.js";
import { isReached } from "../visit.js";
import { inShort } from "../words.js";
import { fetchDocument } from "./discovery.js";
import { parseUrl } from "../../shared/url.js";

/**
 * Reads the token that is sent, and asks for what it is to be compared with: the server's clock, and
 * the key set of its issuer.
 */
export const token: Step<"token"> = {
  name: "token",
  title: "The token, as it reads",
  isNeeded: ({ evidence }) => isReached(evidence) && sentToken(evidence.target) !== undefined,
  gather: examineToken,
  describe: ({ read, readAtMs, keySet }) => {
    const keys = keySet === undefined ? "" : `; its issuer's keys: ${inShort(keySet.reply)}`;
    return { text: describeToken(read, readAtMs) + keys };
  },
};

async function examineToken({ ask, evidence }: Visit): Promise<TokenEvidence> {
  const read = readToken(sentToken(evidence.target) ?? "");
  const [serverAheadMs, keySet] = await Promise.all([
    readClock(ask, evidence.target.url),
    fetchKeySet(ask, evidence, read.form === "jwt" ? read.claims["iss"] : undefined),
  ]);
  return { read, readAtMs: Date.now(), serverAheadMs, keySet };
}

/**
 * How far the server's clock is ahead of ours, by the `Date` of an answer that begins nothing. It
 * tells full seconds: the middle of one is taken.
 */
async function readClock(ask: Ask, { origin }: URL): Promise<number | undefined> {
  const before = Date.now();
  const reply = await ask(new URL(WELL_KNOWN_PATH, origin), { until: "head" });
  if (reply.kind === "unanswered") return undefined;
  const date = Date.parse(reply.headers.get("date") ?? "");
  return Number.isNaN(date) ? undefined : date + 500 - (before + Date.now()) / 2;
}

/**
 * The keys of the token's issuer.
 *
 * Security decision: only the key set of an issuer is asked for that the server names itself. A
 * token that anybody has made up names whatever they like.
 */
async function fetchKeySet(
  ask: Ask,
  { discovery }: Evidence,
  iss: unknown,
): Promise<DocumentEvidence | undefined> {
  const issuer = issuerOfToken(discovery, iss);
  const named = issuer && metadataOf(issuer)?.members?.["jwks_uri"];
  const url = typeof named === "string" ? parseUrl(named) : undefined;
  return url && (await fetchDocument(ask, url, ["keys"]));
}
