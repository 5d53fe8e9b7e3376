import type { RequestListener } from "node:http";
import type express from "express";
import type { Principal } from "../auth/principal.js";
import type { RouterCluster } from "../cluster/router-cluster.js";
import type { SessionRegistry } from "../session/session-registry.js";
import type { MonitorOptions } from "./monitor-options.js";

/** An authenticated MCP endpoint, to be mounted anywhere in an Express app. */
export interface SseRouter extends express.Router {
  /**
   * The same authentication for any other route. Sets `req.user` to the {@link Principal} and
   * `req.auth` to the SDKs' `AuthInfo`, or answers 401, 403 or 503 itself.
   */
  readonly guard: express.RequestHandler;
  /** Discovery documents, to be mounted at the app's root. Empty unless OAuth is on. */
  readonly wellKnown: express.Router;
  /** Who is connected to this process, and the way to end it. */
  readonly sessions: SessionRegistry<Principal | undefined>;
  /** The nodes that serve this endpoint together, and all their sessions; `undefined` without option `cluster`. */
  readonly cluster: RouterCluster | undefined;
  /** What can be done to the people who signed in here; `undefined` without `signIn`. */
  readonly signIn: RouterSignIn | undefined;
  /**
   * A page for operators, to be mounted wherever the app has such pages, behind a guard of theirs: who is connected, in
   * all nodes; calls in flight; refusals, limits and denials by reason; and a way to end somebody's sessions. It is
   * kept up to date while it is open. It counts from when it is asked for, and shows no credential, claim,
   * argument or result.
   *
   * @example
   * ```ts
   * app.use("/admin/mcp", router.monitor({ guard: requireAdmin }));
   * ```
   *
   * @throws TypeError without a guard, and for a wrong option.
   */
  monitor(options: MonitorOptions): express.Router;
  /**
   * Resolves when every authentication method is ready: with OAuth, when the issuer was found.
   * Nobody has to wait for it; callers get 503 until then.
   *
   * @throws McpSseError when a method cannot be made ready now; its `cause` says why.
   */
  ready(): Promise<void>;
  /**
   * A listener that answers the POSTs of this router's sessions before the app sees them, and hands
   * everything else to `app`: `http.createServer(router.ahead(app))`. Most of what a call costs in an
   * Express app is Express. The answers are the same, but no middleware of the app sees these POSTs:
   * its loggers, rate limits and headers do not apply to them.
   *
   * An `initialize` that names a session goes to the app, but its body has been read by then and is in
   * `req.body`: middleware that reads bodies itself, and not with the parsers of Express, looks there first.
   */
  ahead(app: RequestListener): RequestListener;
  /**
   * Takes no new sessions, lets calls in flight finish, and ends all streams. The app and its
   * HTTP server stay as they are.
   *
   * @param options `timeoutMs`: how long calls may take to finish. Default: 10000 (10 seconds).
   */
  close(options?: { timeoutMs?: number }): Promise<void>;
}

/** What an operator can do to the people who signed in. */
export interface RouterSignIn {
  /**
   * Ends everything of a person who signed in here: the tokens of all their clients, which are
   * refused at once, in every process with the same storage; the provider's tokens; their browsers'
   * sessions; and their MCP sessions and streams, in this process, and with option `cluster` in all
   * nodes. It keeps nobody from signing in again: that is up to the identity provider.
   *
   * @param person `{ id }` as in `principal.id`: what the provider calls the person (`sub`), or what
   * `profile()` or `principal()` returned. A principal will do.
   * @returns how many sessions were ended, with `cluster` in all nodes that answered within a second; those
   * that did not are named in the log, and end what they have when they are back.
   * @throws Error when the storage fails: then nothing has ended for certain.
   */
  endFor(person: { readonly id: string }): Promise<number>;
}
