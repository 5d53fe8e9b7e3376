import type { Ask } from "./contract.js";
import type { Evidence, PartName } from "./evidence.js";

/** What a step has at hand. */
export interface Visit {
  /** What the steps before it have gathered. */
  readonly evidence: Evidence;
  readonly ask: Ask;
  /** Aborted when nobody waits any more; every request ends with it. */
  readonly signal: AbortSignal;
}

/** Gathers one part of the evidence, and judges nothing. */
export interface Step<Name extends PartName = PartName> {
  /** Of the part that it gathers. */
  readonly name: Name;
  /** What is done, in a few words, for whoever waits: "Without a credential". */
  readonly title: string;
  /** Whether it can be done, and would find out anything. */
  isNeeded(visit: Visit): boolean;
  gather(visit: Visit): Promise<Evidence[Name]>;
  /** What came of it, in one line. Needs no redaction: that is done to everything that is shown. */
  describe(part: NonNullable<Evidence[Name]>): Description;
}

/** In words; `isAbsent` where the server does not have what was asked for, and need not have it. */
export interface Description {
  readonly text: string;
  readonly isAbsent?: boolean;
}
