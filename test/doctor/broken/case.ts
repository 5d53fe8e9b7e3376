import type { Credential, Target } from "../../../src/doctor/contract.js";
import type { Front } from "./front.js";

/** What the doctor is shown. */
export interface Patient {
  readonly url: string;
  readonly credential?: Credential;
  readonly origin?: string;
  /** Default: 10 s. */
  readonly timeoutMs?: number;
  /** Whether a stream is watched on which nothing happens. Default: not. */
  readonly isWatched?: boolean;
}

/** A server that is broken in one way, or healthy. */
export interface Case {
  readonly name: string;
  /** The id of the finding; `undefined` where there is to be none. */
  readonly finding?: string;
  /** Starts the server, and adds a site to nginx if it has one. */
  readonly serve: (front: Front) => Promise<Patient>;
}

/** Where something is late on purpose: longer than all else takes, also on a machine that is busy. */
export const BRIEF = { timeoutMs: 1_500 };

/** A page of another site. */
export const PAGE = "https://page.example";

export function targetOf(patient: Patient): Target {
  const { url, credential, origin, timeoutMs = 10_000, isWatched = false } = patient;
  const credentials = credential === undefined ? [] : [credential];
  return { url: new URL(url), credentials, origin, timeoutMs, isQuick: !isWatched };
}
