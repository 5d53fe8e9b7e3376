import type { Census } from "./census.js";
import type { Ledger } from "./ledger.js";

/** How things stand. */
export interface Look {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly census: Census;
  readonly ledger: Ledger;
  /** By which links name somebody. */
  readonly referenceOf: (person: {
    readonly id: string;
    readonly issuer: string | undefined;
  }) => string;
}

/** Markup by the id of the element that it is in. */
export type Parts = ReadonlyMap<string, string>;
