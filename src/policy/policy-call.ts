import type { Principal } from "../auth/principal.js";
import { deepFreeze } from "../shared/deep-freeze.js";
import type { PolicyAsker, PolicyKind, PolicySession } from "./policy.js";
import type { PolicyRequest } from "./rules.js";

/** Arguments of a request; `UNKNOWN` where nobody has given any yet. */
export type Arguments = Readonly<Record<string, unknown>> | typeof UNKNOWN;

/** Of the entry of a list: it may be called with any arguments. */
export const UNKNOWN = Symbol("unknown");

/**
 * What a rule gets to see.
 *
 * Security decision: a rule is somebody's code, and must not be able to change what the server gets, nor what the
 * next rule sees. So all of this is frozen, and arguments are a copy, made when a rule asks for them.
 */
export class JudgedCall implements PolicyRequest {
  readonly kind: PolicyKind;
  readonly name: string;
  readonly principal: Principal;
  readonly #asker: PolicyAsker;
  readonly #given: Arguments;
  #copy: Readonly<Record<string, unknown>> | undefined;
  #hasLooked = false;

  constructor(kind: PolicyKind, name: string, given: Arguments, asker: PolicyAsker) {
    this.kind = kind;
    this.name = name;
    this.principal = asker.principal;
    this.#asker = asker;
    this.#given = given;
    Object.freeze(this);
  }

  /** Whether a rule has looked for arguments that there are not: what it says then says nothing. */
  get dependsOnArguments(): boolean {
    return this.#hasLooked;
  }

  get arguments(): Readonly<Record<string, unknown>> {
    const given = this.#given;
    this.#copy ??=
      given === UNKNOWN
        ? unknownArguments(() => (this.#hasLooked = true))
        : deepFreeze(structuredClone(given));
    return this.#copy;
  }

  get session(): PolicySession {
    const { id, transport } = this.#asker.session;
    return Object.freeze({ id, transport });
  }
}

/** What a rule is ended with that looks at arguments where there are none. */
class ArgumentsUnknown extends Error {
  override readonly name = "ArgumentsUnknown";
}

/** Throws whatever is done with it; taking it out of a call is harmless, as in `({ name, arguments: args }) => …`. */
function unknownArguments(onLook: () => void): Readonly<Record<string, unknown>> {
  const end = (): never => {
    onLook();
    throw new ArgumentsUnknown("a list has no arguments: whatever depends on them is listed");
  };
  return new Proxy<Record<string, unknown>>(
    {},
    { get: end, has: end, ownKeys: end, getOwnPropertyDescriptor: end, getPrototypeOf: end },
  );
}
