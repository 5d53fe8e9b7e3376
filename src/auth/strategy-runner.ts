import type { IncomingMessage } from "node:http";
import passport from "passport";
import type { PassportStrategy } from "./auth-method.js";

/** What a strategy can answer. */
export type StrategyAnswer =
  | { kind: "success"; user: unknown; info: unknown }
  | { kind: "failure"; info: unknown; status: unknown }
  | { kind: "error"; error: unknown }
  | { kind: "redirect"; url: string }
  | { kind: "pass" };

/** Runs strategies through a Passport instance of its own, and reports what they answer. */
export class StrategyRunner {
  readonly #passport = new passport.Passport();

  /**
   * Makes a strategy known. By name, never as an instance: Passport would write the callbacks of
   * one request onto the shared instance, where the next request finds them.
   */
  mount(name: string, strategy: PassportStrategy): void {
    this.#passport.use(name, containRejections(strategy));
  }

  /** The first answer of the strategy with this name. Passport's traces on the request are removed again. */
  async ask(name: string, req: IncomingMessage): Promise<StrategyAnswer> {
    const restore = rememberPassportProperties(req);
    try {
      return await new Promise<StrategyAnswer>((resolve) => {
        const middleware = this.#passport.authenticate(
          name,
          { session: false },
          (...answer: unknown[]) => {
            const [error, user, info, status] = answer;
            // `error()` alone passes one argument, and what it passes may be undefined.
            if (answer.length === 1) resolve({ kind: "error", error });
            else if (user) resolve({ kind: "success", user, info });
            else resolve({ kind: "failure", info, status });
          },
        ) as (req: IncomingMessage, res: object, next: () => void) => void;
        // Passport touches the response only to redirect, so a stand-in hears of that and the
        // real response stays ours.
        let url = "";
        const standIn = {
          setHeader: (name: string, value: unknown) => {
            if (name === "Location") url = String(value);
          },
          end: () => resolve({ kind: "redirect", url }),
        };
        middleware(req, standIn, () => resolve({ kind: "pass" }));
      });
    } finally {
      restore();
    }
  }
}

/** Passport ignores what `authenticate` returns, so an async strategy's rejection would end the process. */
function containRejections(strategy: PassportStrategy): passport.Strategy {
  const authenticate = function (this: Augmented, req: IncomingMessage, options: unknown): void {
    try {
      const returned: unknown = strategy.authenticate.call(this, req, options);
      Promise.resolve(returned).catch((error: unknown) => this.error(error));
    } catch (error) {
      this.error(error);
    }
  };
  return Object.create(strategy, { authenticate: { value: authenticate } }) as passport.Strategy;
}

/** A strategy once Passport has added its actions for one request. */
type Augmented = PassportStrategy & { error(error: unknown): void };

/**
 * In the opposite order to that in which Passport adds them: V8 undoes an addition, but anything
 * else that is deleted turns the request, which lives as long as its session, into a hash table of
 * six times the size.
 */
const PASSPORT_PROPERTIES = [
  "_sessionManager",
  "isUnauthenticated",
  "isAuthenticated",
  "logout",
  "logOut",
  "login",
  "logIn",
] as const;

/** Passport replaces these on every request it sees, and the app's own Passport needs its own ones. */
function rememberPassportProperties(req: IncomingMessage): () => void {
  const own = PASSPORT_PROPERTIES.filter((name) => Object.hasOwn(req, name));
  const before = own.map((name) => Object.getOwnPropertyDescriptor(req, name) ?? {});
  return () => {
    for (const name of PASSPORT_PROPERTIES) {
      const index = own.length === 0 ? -1 : own.indexOf(name);
      if (index === -1) Reflect.deleteProperty(req, name);
      else Object.defineProperty(req, name, before[index] ?? {});
    }
  };
}
