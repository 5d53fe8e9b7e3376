/**
 * How many conversations an owner may have, in all nodes. `undefined` in a router without `cluster`, where
 * the sessions that are here are all that there are.
 */
export interface ConversationLimit<S> {
  /**
   * Takes a place for a session whose client is about to begin its conversation. The session keeps it
   * until it ends, also where that message comes to nothing.
   *
   * @returns `undefined` where nothing has to be asked: it has one, or needs none.
   * @throws McpSseError 429 when there is none, 503 when nobody can tell; both as a rejection.
   */
  admit(session: S): Promise<void> | undefined;
}
