import type { SessionRow } from "./census.js";

/** What a reader wants to see, as the URL says it. */
export interface Query {
  /** What a session's principal, client, address, node or id has in it; empty for all. */
  readonly text: string;
  /** From 1. */
  readonly page: number;
}

/** Longest text that is searched for, in characters. */
export const MAX_SEARCH = 100;

export function readQuery(search: URLSearchParams): Query {
  const page = Number(search.get("page") ?? 1);
  return {
    text: (search.get("q") ?? "").trim().slice(0, MAX_SEARCH),
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
  };
}

/** The same as a part of a URL. */
export function queryText({ text, page }: Query): string {
  const search = new URLSearchParams();
  if (text !== "") search.set("q", text);
  if (page > 1) search.set("page", String(page));
  return search.size === 0 ? "" : `?${search.toString()}`;
}

/** Whether a session is among what was searched for. */
export function isWanted({ text }: Query, row: SessionRow): boolean {
  if (text === "") return true;
  const { person, client, address, node, id } = row;
  const wanted = text.toLowerCase();
  return [person?.id, person?.issuer, person?.clientId, client, address, node, id].some(
    (field) => field?.toLowerCase().includes(wanted) === true,
  );
}
