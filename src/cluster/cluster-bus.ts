import type { PendingWork } from "../shared/pending-work.js";

/** What a node of a cluster is for others. */
export interface ClusterNode {
  /** Unguessable and new with each router that is made, so that a process which is started again is another node. */
  readonly id: string;
  /** Whether it hands its sessions over, and takes no others. */
  readonly isDraining: boolean;
}

/**
 * `joining` until others can be heard; `up`; `down` while the engine is away, or does not deliver to this
 * node; `draining` while its sessions leave; `closed`.
 */
export type ClusterState = "joining" | "up" | "down" | "draining" | "closed";

/** Why an exchange ended before its other side ended it. */
export interface ExchangeLoss {
  /**
   * Whether the other node may have heard what was sent in it. `false` only where it is certain that it
   * did not: then the same may be asked of another.
   */
  readonly mayBeHeard: boolean;
}

/**
 * A conversation of two nodes about one thing, such as a request and its answer. Either side sends
 * frames, which arrive once and in order, or the exchange is lost and both sides hear of it.
 */
export interface Exchange {
  /** The node at the other side. */
  readonly peer: string;
  /** Frames sent that the other node is not known to have; for backpressure that is not the frames' own. */
  readonly unheard: number;
  /** Set it at once when the exchange is there: frames do not wait for it. */
  onFrame: ((frame: Frame) => void) | undefined;
  /** The other side has ended it: nothing comes any more. Not called after `end` or `abort` of this side. */
  onEnd: (() => void) | undefined;
  /** It is lost: the other node is gone, or cannot be reached. Not called after `end` or `abort` of this side. */
  onLost: ((loss: ExchangeLoss) => void) | undefined;
  /** Sends a frame; with all that are sent in one tick it is one message of the engine. */
  send(frame: Frame): void;
  /** Ends this exchange for both sides, after what was sent. Nothing is heard of it any more. */
  end(): void;
  /** The same, but the other side hears `onLost`. */
  abort(): void;
}

/** JSON. The first item says what it is. */
export type Frame = readonly [kind: string, ...unknown[]];

/** What broadcasts are answered with. */
export interface Gathered<T> {
  /** One for each node that answered, this one excluded. */
  readonly answers: ReadonlyMap<string, T>;
  /** Nodes that did not answer in time. */
  readonly unreached: readonly string[];
}

/** Facts about the cluster that others of this process act on. */
export interface ClusterBusEvents {
  /** This node can be reached, for the first time or again. */
  up: [];
  /** The engine is away, or does not deliver to this node. */
  down: [];
  /** Another node has not been heard of for its lease, or is certain to be gone. */
  "node-lost": [node: string];
  /** What links two nodes has to be made anew, and requests or streams were lost with it. */
  "link-lost": [node: string];
  /**
   * This node was out of touch for longer than its lease: others may have taken its sessions over. What it
   * has counts again once that was looked up.
   */
  lapsed: [];
  /** The engine has lost its directory: what this node knows has to be written down again. */
  emptied: [];
}

/**
 * The other nodes, as the rest of the package sees them: who is there, and conversations with them.
 * It seals, numbers, acknowledges and repeats over a {@link ClusterEngine} that does none of it.
 */
export interface ClusterBus {
  /** This node's id. */
  readonly node: string;
  readonly state: ClusterState;
  /**
   * Whether this node may rely on what it has: it was in touch within its lease. While it is not, a
   * session that is here may have been taken over by another node.
   */
  readonly holdsLease: boolean;
  /**
   * Whether what the directory does not know is known not to exist: not while the engine is away, and not
   * within a lease from when it was found empty, since nodes are still writing down what they have.
   */
  readonly isDirectoryComplete: boolean;
  /**
   * The same, asked of the engine: for something that was not found there, before it is said that there
   * is none. The directory may have been emptied a moment ago.
   */
  confirmDirectory(): Promise<boolean>;
  /**
   * What a key or a set is called in the engine, so that nobody learns there whose it is. It stays the same
   * until the directory is {@link ClusterBusEvents.emptied emptied}, so ask each time.
   *
   * @param kind of what is named: the same text has a name for each.
   * @throws McpSseError 503 before this node has been `up` once.
   */
  nameOf(kind: string, text: string): string;
  /** Joins the engine, now or as soon as it can be reached. */
  start(): void;
  /** Resolves when this node is `up`. @returns whether it is, within `timeoutMs`. */
  whenUp(timeoutMs: number): Promise<boolean>;
  /** Why this node is not `up`, where that was tried. */
  readonly trouble: unknown;
  /** Nodes that hold a lease, this one included, as last looked up; at most a few seconds old. */
  nodes(): readonly ClusterNode[];
  /**
   * Whether a node holds a lease.
   *
   * @throws McpSseError 503 when nobody can tell: also while nodes write down again that they are there, since
   * the engine was emptied.
   */
  isAlive(node: string): Promise<boolean>;
  /** Begins a conversation: `opening` is what the other side's {@link onExchange} hears. */
  open(node: string, opening: Frame): Exchange;
  /** Who answers conversations that begin with a kind of frame. One for each kind. It must not throw. */
  onExchange(kind: string, answer: (opening: Frame, exchange: Exchange) => void): void;
  /**
   * Asks all other nodes.
   *
   * @returns what they answered within `timeoutMs`, and who did not.
   */
  gather(question: Frame, timeoutMs: number): Promise<Gathered<unknown>>;
  /** Who answers questions that begin with a kind of frame. The answer is JSON; a rejection is none. */
  onQuestion(kind: string, answer: (question: Frame, asker: string) => unknown): void;
  /** Tells all other nodes, as well as that can be done at once: it may be lost. */
  tell(frame: Frame): void;
  onTold(kind: string, hear: (frame: Frame, teller: string) => void): void;
  on<K extends keyof ClusterBusEvents>(
    event: K,
    listener: (...args: ClusterBusEvents[K]) => void,
  ): void;
  /** Says to all that this node takes no more sessions. */
  drain(): void;
  /**
   * Answers what others have begun, waits for what they answer, and lets what was sent leave, within `timeoutMs`; then
   * it goes, and others know at once.
   *
   * @param asked what of it still asks others. It goes at a moment at which that is done, although more may be
   * asked meanwhile. Default: nothing is waited for.
   */
  stop(timeoutMs: number, asked?: PendingWork): Promise<void>;
}
