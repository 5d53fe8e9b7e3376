import type { ClusterBus } from "./cluster-bus.js";

/** The directory of sessions, as far as a place in it is looked at. */
export interface SessionRecords {
  /** What a session is called there. */
  keyOf(id: string): string;
  read(
    key: string,
  ): Promise<
    { readonly version: number; readonly record: { readonly home: string | undefined } } | undefined
  >;
  take(key: string, version: number): Promise<boolean>;
}

/**
 * Takes a session out of the directory that no node has: handed over, and not gone on with yet, or its node
 * has died. So nobody goes on with it any more.
 *
 * @returns whether it is out of it; `false` for one that a node has, or has taken over meanwhile.
 * @throws McpSseError 503 when nobody can tell.
 */
export async function dropAbandoned(
  key: string,
  records: SessionRecords,
  bus: Pick<ClusterBus, "isAlive">,
): Promise<boolean> {
  const found = await records.read(key);
  if (found === undefined) return true;
  const { home } = found.record;
  if (home !== undefined && (await bus.isAlive(home))) return false;
  return await records.take(key, found.version);
}
