import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import getRawBody from "raw-body";
import type { RouterCluster } from "../cluster/router-cluster.js";
import type { FactSource } from "../observe/early-facts.js";
import { cookieText, cookieValues } from "../shared/cookies.js";
import { locationText } from "../shared/foreign-text.js";
import { deriveKey } from "../shared/seal.js";
import { queryOf, rawQueryOf } from "../shared/url.js";
import { wasRead } from "../shared/was-read.js";
import { endSessionsOf, peopleOf, takeCensus } from "./census.js";
import type { SessionsHere } from "./census.js";
import { askPage, endedPage, problemPage } from "./end-pages.js";
import { Ledger } from "./ledger.js";
import { Live } from "./live.js";
import { mainPage, renderParts } from "./main-page.js";
import { HEADERS, sendPage } from "./page.js";
import { personInField, referenceOf } from "./person.js";
import type { Person } from "./person.js";
import { readQuery } from "./query.js";
import {
  comesFromHere,
  formToken,
  isForeign,
  isFormToken,
  isVisit,
  newVisit,
} from "./same-site.js";
import type { Look } from "./view.js";

/** What a monitor is made of. */
export interface MonitorInit {
  readonly facts: FactSource;
  readonly sessions: SessionsHere;
  readonly cluster: RouterCluster | undefined;
  /** What signs forms at all nodes, the first of several; empty where there is one, which makes its own. */
  readonly secrets: readonly string[];
  readonly title: string;
  readonly maxPages: number;
}

/** A request that the operator's guard has let in. */
export interface MonitorRequest {
  readonly req: IncomingMessage & { readonly body?: unknown };
  readonly res: ServerResponse;
  /** Below where the monitor is mounted, without query. */
  readonly path: string;
  /** The whole URL's path, as far as that is known, without query. */
  readonly wholePath: string;
  /** Whether it came over https. */
  readonly isSecure: boolean;
}

/** A cookie of that name says which visit it is, and lets nobody in. */
const COOKIE = "mcp-monitor";

/** Largest form, in bytes: a name of a person, and a token. */
const MAX_FORM_BYTES = 65_536;

type Route = (request: MonitorRequest) => void | Promise<void>;

/** A page on which an operator sees what goes on at an endpoint, and can end somebody's sessions. */
export class Monitor {
  readonly #init: MonitorInit;
  readonly #keys: readonly [Buffer, ...Buffer[]];
  readonly #ledger: Ledger;
  readonly #live: Live;
  /** By path and method. */
  readonly #routes: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
    "/": { GET: (request) => this.#showMain(request) },
    "/live": { GET: (request) => this.#listen(request) },
    "/end": { GET: (request) => this.#ask(request), POST: (request) => this.#end(request) },
  };

  constructor(init: MonitorInit) {
    this.#init = init;
    const [first = randomBytes(32).toString("hex"), ...others] = init.secrets;
    const keyOf = (secret: string): Buffer => deriveKey(secret, "express-mcp-sse monitor");
    this.#keys = [keyOf(first), ...others.map(keyOf)];
    this.#ledger = new Ledger(init.facts);
    this.#live = new Live({
      maxPages: init.maxPages,
      look: () => this.#look(),
      render: renderParts,
    });
  }

  /**
   * Answers a request.
   *
   * @returns whether there is such a page; if not, nothing was sent.
   */
  async answer(request: MonitorRequest): Promise<boolean> {
    const { req, res, path } = request;
    const routes = Object.hasOwn(this.#routes, path) ? this.#routes[path] : undefined;
    if (routes === undefined) return false;
    const method = req.method === "HEAD" ? "GET" : (req.method ?? "");
    const route = Object.hasOwn(routes, method) ? routes[method] : undefined;
    for (const [name, value] of Object.entries(HEADERS)) res.setHeader(name, value);
    if (route !== undefined) await route(request);
    else {
      res.setHeader("Allow", Object.keys(routes).join(", "));
      sendPage(res, problemPage(405, "Not like this", "This method is not served here."));
    }
    return true;
  }

  /** Hears and shows nothing any more. */
  close(): void {
    this.#live.close();
    this.#ledger.close();
  }

  async #look(): Promise<Look> {
    const { sessions, cluster } = this.#init;
    const [key] = this.#keys;
    return {
      at: Date.now(),
      census: await takeCensus(sessions, cluster),
      ledger: this.#ledger,
      referenceOf: (person) => referenceOf(key, person),
    };
  }

  async #showMain({ req, res, wholePath }: MonitorRequest): Promise<void> {
    if (!wholePath.endsWith("/")) {
      // Everything in the page is named from its folder, whatever a proxy calls that.
      const folder = wholePath.slice(wholePath.lastIndexOf("/") + 1);
      const query = rawQueryOf(req.url ?? "");
      const location = locationText(`./${folder}/${query === undefined ? "" : `?${query}`}`);
      res.writeHead(302, { Location: location, "Content-Length": 0 }).end();
      return;
    }
    sendPage(res, mainPage(this.#init.title, await this.#look(), readQuery(queryOf(req.url))));
  }

  #listen({ req, res }: MonitorRequest): void {
    if (isForeign(fetchSiteOf(req))) {
      sendPage(res, problemPage(403, "Not from there", "Only pages of this server may listen."));
    } else if (req.method === "HEAD") res.writeHead(200).end();
    else this.#live.open(req, res, readQuery(queryOf(req.url)));
  }

  async #ask({ req, res, isSecure }: MonitorRequest): Promise<void> {
    const { census, referenceOf: nameOf } = await this.#look();
    const people = peopleOf(census.sessions);
    const wanted = queryOf(req.url).get("who");
    const found = people.find(({ person }) => nameOf(person) === wanted)?.person;
    if (found === undefined) {
      sendPage(res, problemPage(404, "Nobody is there", "They have no sessions any more."));
      return;
    }
    const visit = visitsOf(req)[0] ?? newVisit();
    const cookie = cookieText({ name: COOKIE, value: visit, isSecure });
    const token = formToken(this.#keys[0], { visit, target: targetOf(found) });
    sendPage(res, askPage(found, people, token), { "Set-Cookie": cookie });
  }

  async #end({ req, res, isSecure }: MonitorRequest): Promise<void> {
    const { method, headers } = req;
    const { host, origin } = headers;
    const isOurs = comesFromHere({ method, host, origin, fetchSite: fetchSiteOf(req), isSecure });
    const form = isOurs ? await readForm(req) : undefined;
    const person = form && personInField(form.get("person") ?? "");
    if (form === undefined || person === undefined || !this.#isShown(req, form, person)) {
      sendPage(res, problemPage(403, "Nothing has ended", NOT_OURS));
      return;
    }
    const { sessions, cluster } = this.#init;
    sendPage(res, endedPage(person, await endSessionsOf(person, sessions, cluster)));
  }

  /** Whether a form is one that this visitor was shown, about this person. */
  #isShown(req: IncomingMessage, form: URLSearchParams, person: Person): boolean {
    const token = form.get("token") ?? "";
    return visitsOf(req).some((visit) =>
      isFormToken(token, this.#keys, { visit, target: targetOf(person) }),
    );
  }
}

const NOT_OURS =
  "This form did not come from this page, or was open for more than an hour. Go back, and try again.";

function fetchSiteOf({ headers }: IncomingMessage): string | undefined {
  return headers["sec-fetch-site"]?.toString();
}

function visitsOf({ headers }: IncomingMessage): readonly string[] {
  return cookieValues(headers.cookie, COOKIE).filter(isVisit);
}

function targetOf({ id, issuer }: Person): readonly unknown[] {
  return ["end", id, issuer ?? null];
}

/** The form, whether or not a parser of the app's has read it; `undefined` for what is none. */
async function readForm(req: MonitorRequest["req"]): Promise<URLSearchParams | undefined> {
  if (!/^application\/x-www-form-urlencoded\b/i.test(req.headers["content-type"] ?? "")) {
    return undefined;
  }
  if (wasRead(req)) {
    const fields = Object.entries(Object(req.body) as object);
    return new URLSearchParams(fields.filter(([, value]) => typeof value === "string"));
  }
  // By its length, what is too long is refused before it comes.
  const length = req.headers["content-length"] ?? null;
  const limits = { length, limit: MAX_FORM_BYTES, encoding: "utf8" } as const;
  const text = await getRawBody(req, limits).catch(nothing);
  return text === undefined ? undefined : new URLSearchParams(text);
}

function nothing(): undefined {
  return undefined;
}
