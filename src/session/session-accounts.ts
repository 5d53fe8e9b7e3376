import type { ByteAccount } from "./byte-budget.js";
import type { CloseReason } from "./close-reason.js";

/** What is looked at of a session. */
interface AccountedSession {
  readonly id: string;
  readonly ownerKey: string;
  readonly bytes: { account: ByteAccount; readonly outgoing: number };
  noteLimit(limit: "maxHeldBytes", outcome: "ended"): void;
  end(reason: CloseReason, discards: boolean): void;
}

export interface SessionAccountsInit {
  /** Those of owners; a `ByteAccounts`. */
  readonly accounts: {
    of(owner: string, shed: () => boolean): ByteAccount;
    noteLeft(owner: string): void;
  };
  /** Whether everybody may call, so that sessions have no owners. */
  readonly isOpenEndpoint: boolean;
  /** Everything of an owner that holds bytes. */
  readonly sessionsOf: (ownerKey: string) => Iterable<AccountedSession>;
}

/** The account of an owner, for what belongs to no session. */
export interface OwnerVisit {
  readonly account: ByteAccount;
  /** Nothing is held by it any more. */
  leave(): void;
}

/** Who pays for the bytes that sessions hold, and which session is given up when an owner holds too many. */
export class SessionAccounts {
  readonly #init: SessionAccountsInit;
  /** Of strangers, who have an account each. */
  #visits = 0;

  constructor(init: SessionAccountsInit) {
    this.#init = init;
  }

  open(session: AccountedSession): void {
    session.bytes.account = this.#init.accounts.of(
      this.#payerOf(session),
      this.#shedderFor(session),
    );
  }

  /** A session has ended, and is among its owner's no more. */
  close(session: AccountedSession): void {
    const { isOpenEndpoint, sessionsOf } = this.#init;
    const [other] = isOpenEndpoint ? [] : sessionsOf(session.ownerKey);
    if (other === undefined) this.#init.accounts.noteLeft(this.#payerOf(session));
  }

  /** The account of an owner, who may have no session here. */
  visit(ownerKey: string): OwnerVisit {
    const { isOpenEndpoint, sessionsOf } = this.#init;
    const payer = isOpenEndpoint ? `visit ${++this.#visits}` : ownerKey;
    const ofOwner = (): Iterable<AccountedSession> => (isOpenEndpoint ? [] : sessionsOf(ownerKey));
    return {
      account: this.#init.accounts.of(payer, () => shedHeaviest(ofOwner())),
      leave: () => {
        const [other] = ofOwner();
        if (other === undefined) this.#init.accounts.noteLeft(payer);
      },
    };
  }

  /** Whose bytes a session's are: its own among strangers, who may all have the address of a proxy. */
  #payerOf({ id, ownerKey }: AccountedSession): string {
    return this.#init.isOpenEndpoint ? id : ownerKey;
  }

  /** Keeps no session, which may go long before its owner. */
  #shedderFor({ id, ownerKey }: AccountedSession): () => boolean {
    const { isOpenEndpoint, sessionsOf } = this.#init;
    if (!isOpenEndpoint) return () => shedHeaviest(sessionsOf(ownerKey));
    return () => shedHeaviest([...sessionsOf(ownerKey)].filter((one) => one.id === id));
  }
}

/** Gives up the session that has most on its way. @returns whether there was one. */
function shedHeaviest(sessions: Iterable<AccountedSession>): boolean {
  let heaviest: AccountedSession | undefined;
  for (const session of sessions) {
    if (session.bytes.outgoing > (heaviest?.bytes.outgoing ?? 0)) heaviest = session;
  }
  heaviest?.noteLimit("maxHeldBytes", "ended");
  heaviest?.end("buffer-overflow", true);
  return heaviest !== undefined;
}
