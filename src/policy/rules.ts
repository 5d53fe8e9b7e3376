import type { Principal } from "../auth/principal.js";
import type { PolicyKind, PolicySession } from "./policy.js";

/** What a function says of something that is asked for. */
export type PolicyAnswer =
  /** Whether it is permitted. */
  | boolean
  /** What it needs: it is permitted to who has all of these scopes. */
  | { readonly scopes: string | readonly string[] }
  /** It is not permitted, and the client is told why. Security: write nothing that a caller may not read. */
  | { readonly reason: string };

/** What is asked for, as rules see it: a copy, so that nothing that a rule does changes the message. */
export interface PolicyCall {
  readonly kind: PolicyKind;
  /**
   * The tool's name, the resource's URI, the prompt's name, or the method. A URI is asked about once for each
   * way in which servers read it: see docs/policy.md.
   */
  readonly name: string;
  /**
   * Those of a tool or prompt; of all else there are none. When a list is filtered nobody has given any:
   * looking at them then ends the rule, and the entry is listed, since it can be called with some arguments.
   * So look at the principal first.
   */
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly session: PolicySession;
}

/** The same, for a function that is the whole policy. */
export interface PolicyRequest extends PolicyCall {
  readonly principal: Principal;
}

/**
 * Decides about one call. Runs for each call, and for each entry of a list, so it should be quick.
 *
 * A throw, a rejection, silence for `timeoutMs`, and whatever is no {@link PolicyAnswer} permit nothing: the
 * client is told to try again later, and the log says which rule it was.
 */
export type PolicyWhen = (
  principal: Principal,
  call: PolicyCall,
) => PolicyAnswer | Promise<PolicyAnswer>;

/** Says which roles a principal has. A throw, and whatever is no list of texts, permits nothing, as in {@link PolicyWhen}. */
export type PolicyRoles = (principal: Principal) => readonly string[] | Promise<readonly string[]>;

/**
 * Decides about everything that rules would decide about. What becomes of a throw and the rest: see
 * {@link PolicyWhen}.
 */
export type PolicyFunction = (request: PolicyRequest) => PolicyAnswer | Promise<PolicyAnswer>;

/** What must hold, all of it. */
export interface PolicyConditions {
  /** Scopes that the caller needs, all of them, by the rule of the method that let the caller in. Default: none. */
  scopes?: string | readonly string[];
  /** Roles of which the caller needs one, see `policy.roles`. Default: none. */
  roles?: string | readonly string[];
  /** Decides by code. Default: nothing more is looked at. */
  when?: PolicyWhen;
  /**
   * How often one principal may ask for one name within a minute, from the first time on. What is denied for
   * another reason does not count, nor do lists. Default: as often as they like.
   */
  perMinute?: number;
}

/** `true`: it is known, and permitted as far as this rule goes. `false`: it is permitted to nobody. */
export type PolicyRule = boolean | PolicyConditions;

/**
 * Rules by what they are about: a name, or a pattern, in which `*` stands for any characters, also none. All
 * rules that match must hold, so that their order does not matter.
 */
export type PolicyRules = Readonly<Record<string, PolicyRule>>;

/** What callers may do, beyond being let in. Write rules, or `decide`. */
export interface PolicyOptions {
  /** Rules for tools, by name. Default: none. */
  tools?: PolicyRules;
  /** Rules for resources, by URI; of a template by its text. Default: none. */
  resources?: PolicyRules;
  /** Rules for prompts, by name. Default: none. */
  prompts?: PolicyRules;
  /**
   * Rules for requests that are about none of these, such as `tasks/list`, by method. What a conversation is made of,
   * such as `initialize` and `ping`, is always permitted. Default: none.
   */
  methods?: PolicyRules;
  /** What becomes of that which no rule matches. Default: `"allow"`. */
  otherwise?: "allow" | "deny";
  /** Says which roles a principal has; required where a rule has `roles`. Default: no rule has any. */
  roles?: PolicyRoles;
  /** Decides about everything, in place of rules; `policy: (request) => …` is short for it. Default: rules do. */
  decide?: PolicyFunction;
  /**
   * How a caller hears of a denial. `"in-band"`: as the result of the call, which every client survives and models can
   * read. `"http-403"`: by the HTTP status and a challenge, for clients that then ask for a better token; several over
   * HTTP+SSE take it for the end of their session. Default: `"in-band"`.
   */
  denied?: "in-band" | "http-403";
  /**
   * Whether what a caller may not have is answered like what does not exist: then no scope is named in answers.
   * Default: false.
   */
  conceal?: boolean;
  /**
   * Which scopes clients are told to ask for before they are let in: `"needed"`, those of `auth`; `"all"`, also those of
   * all rules. The protected-resource metadata names them all either way. Default: `"needed"`.
   */
  askFor?: "needed" | "all";
  /** Milliseconds that a rule's function may take. Default: 5000 (5 seconds). */
  timeoutMs?: number;
}
