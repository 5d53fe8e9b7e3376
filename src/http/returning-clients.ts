import type { Requester } from "../session/requester.js";
import type { KeptSession } from "./moved-session.js";

/**
 * Clients that come back to this node for a session which may be at another, and do not name it in the
 * way that all requests of its wire do. `undefined` in a router without `cluster`.
 */
export interface ReturningClients {
  /** How much longer than at one node it may take until a client that is asked has answered, in milliseconds. */
  readonly patienceMs: number;
  /**
   * What is known of a session, if a request may listen to it.
   *
   * @param asker with the path at which it would listen.
   * @returns `undefined` for none, and for another's: one answer for both.
   * @throws McpSseError 503 when nobody can tell.
   */
  look(id: string, asker: Requester): Promise<KeptSession | undefined>;
  /**
   * Who may have a session of the asker's that a client with a mark is missing, beside this node.
   *
   * @param mark one of `ChannelLuggage.marks`.
   * @throws McpSseError 503 when nobody can tell.
   */
  whoMisses(mark: string, asker: Requester): Promise<readonly string[]>;
  /** Whether of those that {@link whoMisses} names all nodes answer: what a client says to one that hangs is not heard. */
  areInTouch(holders: readonly string[]): Promise<boolean>;
  /** A new name for a question to a client. It tells other nodes who asks, and nothing to anybody else. */
  nameQuestion(): string;
  /** Tells the node that asked by which session it was answered. Other names, whoever made them, are passed over. */
  tellAnswer(question: string, sessionId: string): void;
  /** @param hear of answers to questions of this node, whatever became of them. Called once. */
  onAnswer(hear: (question: string, sessionId: string) => void): void;
}
