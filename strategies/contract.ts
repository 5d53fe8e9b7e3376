/**
 * The checks that every authentication method passes, the ones of this package and yours. They
 * need no test framework: each has a name and a `run` that rejects when the method fails it.
 *
 * ```ts
 * for (const check of authMethodContract(fixture)) test(check.name, check.run);
 * ```
 *
 * @module express-mcp-sse/strategies/contract
 */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import type { AuthMethod } from "../src/auth/auth-method.js";
import { startProbe } from "./contract/contract-probe.js";
import type { ContractRequest, Probe, ProbeAnswer } from "./contract/contract-probe.js";

export type { ContractRequest } from "./contract/contract-probe.js";
export type * from "./shared/method-types.js";

/** A value, or a promise of it. */
export type MaybePromise<T> = T | Promise<T>;

/** Stands for a part that a method has no use for; the check is then not listed. */
export interface NotApplicable {
  /** Why not, for whoever reads the fixture. */
  readonly notApplicable: string;
}

/** What the checks need to know of a method. Each function is called anew for each request. */
export interface AuthMethodFixture {
  /** Builds the method; once for each check. */
  create(): MaybePromise<AuthMethod>;
  /** Secrets that the method holds, such as keys: they must not show when it is printed. */
  readonly heldSecrets: readonly string[];
  /** A request of a caller who is to be let in. */
  good(): MaybePromise<ContractRequest>;
  /** The same caller with another credential, such as a refreshed token. */
  readonly refreshed: (() => MaybePromise<ContractRequest>) | NotApplicable;
  /** A request of another caller who is to be let in. */
  readonly other: (() => MaybePromise<ContractRequest>) | NotApplicable;
  /** Requests that are to be refused, by what is wrong with them; at least one. */
  readonly refused: Readonly<Record<string, () => MaybePromise<ContractRequest>>>;
  /** A method that demands a scope, and a caller who lacks nothing else. */
  readonly lackingScope:
    | {
        /** Builds the method, as above, with the scope demanded. */
        create(): MaybePromise<AuthMethod>;
        /** A request of the caller. */
        request(): MaybePromise<ContractRequest>;
      }
    | NotApplicable;
  /** Switches off and on again what the method has to ask: a key host, a database. */
  readonly outage:
    | {
        /** From now on, what is asked gives no answer that counts. */
        begin(): MaybePromise<void>;
        /** It answers as before. Called also when the check fails. */
        end(): MaybePromise<void>;
      }
    | NotApplicable;
}

/** One check. */
export interface ContractCheck {
  /** A sentence about the method. */
  readonly name: string;
  /** Rejects, mostly with an `AssertionError`, when the method does not do what `name` says. */
  readonly run: () => Promise<void>;
}

/** The checks that apply to a method. */
export function authMethodContract(fixture: AuthMethodFixture): readonly ContractCheck[] {
  assert.ok(Object.keys(fixture.refused).length > 0, "the fixture refuses nothing");
  return [
    ...goodChecks(fixture),
    ...refusedChecks(fixture),
    ...hostileChecks(fixture),
    ...callerChecks(fixture),
    ...lackingScopeChecks(fixture),
    ...outageChecks(fixture),
  ];
}

function goodChecks(fixture: AuthMethodFixture): readonly ContractCheck[] {
  return [
    check(
      fixture,
      "lets a good credential in, with a frozen principal that has an id",
      async (probe) => {
        const { principal } = letIn(await probe.send(await fixture.good()));
        assert.notEqual(principal.id, "");
        assert.equal(principal.method, probe.method.name);
        assert.ok(Object.isFrozen(principal) && Object.isFrozen(principal.scopes), "not frozen");
        if (principal.expiresAt !== undefined) assertSeconds(principal.expiresAt);
      },
    ),
    check(fixture, "keeps a good credential out of the principal", async (probe) => {
      const request = await fixture.good();
      const { principal } = letIn(await probe.send(request));
      assertHides(inspect(principal, { depth: null }), request.secrets, "the principal");
    }),
    check(fixture, "leaves no trace of Passport on the request", async (probe) => {
      const answer = await probe.send(await fixture.good());
      letIn(answer);
      assert.deepEqual(answer.addedToRequest, []);
    }),
    check(fixture, "shows none of its secrets when it is printed", (probe) => {
      const printed = inspect(probe.method, { depth: null, showHidden: true });
      assertHides(printed + JSON.stringify(probe.method), fixture.heldSecrets, "the method");
      return Promise.resolve();
    }),
  ];
}

function refusedChecks(fixture: AuthMethodFixture): readonly ContractCheck[] {
  const each = Object.entries(fixture.refused).map(([what, make]) =>
    check(fixture, `refuses ${what} with 401, and shows nothing of it`, async (probe) => {
      const request = await make();
      assertRefused(await probe.send(request), request);
    }),
  );
  return [
    ...each,
    check(fixture, "answers no credential with a challenge that has no error", async (probe) => {
      const answer = await probe.send({ secrets: [] });
      assert.equal(answer.outcome.kind, "no-credential");
      assert.equal(answer.status, 401);
      assert.notEqual(answer.challenge, "", "a 401 needs a challenge");
      assert.doesNotMatch(answer.challenge, /error=/);
    }),
    check(fixture, "lets a good credential in after each refused one", async (probe) => {
      for (const make of Object.values(fixture.refused)) {
        const request = await make();
        assertRefused(await probe.send(request), request);
        letIn(await probe.send(await fixture.good()));
      }
    }),
  ];
}

/** Requests that nobody has in mind; none gets in, and none counts as an outage. */
const HOSTILE: readonly ContractRequest[] = [
  { headers: { authorization: "Bearer" }, secrets: [] },
  { headers: { authorization: "Bearer " }, secrets: [] },
  { headers: { authorization: "Bearer a b c" }, secrets: [] },
  { headers: { authorization: "Bearer __proto__" }, secrets: [] },
  { headers: { authorization: "Basic ====" }, secrets: [] },
  { headers: { authorization: "constructor" }, secrets: [] },
  { headers: { authorization: `Bearer ${"a".repeat(100_000)}` }, secrets: [] },
  { path: "/?%", secrets: [] },
  { path: "/?__proto__=1&constructor=2&=3", secrets: [] },
];

function hostileChecks(fixture: AuthMethodFixture): readonly ContractCheck[] {
  return [
    check(fixture, "refuses malformed requests with 401", async (probe) => {
      for (const request of HOSTILE) {
        const { status, outcome } = await probe.send(request);
        assert.equal(status, 401, `${outcome.kind} for ${inspect(request).slice(0, 80)}`);
      }
    }),
    check(
      fixture,
      "refuses a second Authorization header beside a good credential",
      async (probe) => {
        const request = await fixture.good();
        const own = request.headers?.["authorization"] ?? "Bearer x";
        const authorization = [...[own].flat(), "Bearer y"];
        const answer = await probe.send({
          ...request,
          headers: { ...request.headers, authorization },
        });
        assert.equal(answer.outcome.kind, "invalid");
      },
    ),
    check(fixture, "refuses a credential that was cut off", async (probe) => {
      const request = await fixture.good();
      const cut = shorten(request);
      assertRefused(await probe.send(cut), request);
    }),
  ];
}

function callerChecks(fixture: AuthMethodFixture): readonly ContractCheck[] {
  const { refreshed, other } = fixture;
  const checks: ContractCheck[] = [];
  if (applies(refreshed)) {
    checks.push(
      check(fixture, "knows a caller again by another credential", async (probe) => {
        const first = letIn(await probe.send(await fixture.good()));
        const second = letIn(await probe.send(await refreshed()));
        assert.equal(first.ownerKey, second.ownerKey);
      }),
    );
  }
  if (applies(other)) {
    checks.push(
      check(fixture, "tells callers apart, also at the same time", async (probe) => {
        await assertKeptApart(
          probe,
          await fixture.good(),
          await other(),
          await firstRefused(fixture),
        );
      }),
    );
  }
  return checks;
}

function lackingScopeChecks({ lackingScope }: AuthMethodFixture): readonly ContractCheck[] {
  if (!applies(lackingScope)) return [];
  return [
    check(lackingScope, "answers a caller without a needed scope with 403", async (probe) => {
      const request = await lackingScope.request();
      const answer = await probe.send(request);
      assert.equal(answer.outcome.kind, "insufficient-scope");
      assert.equal(answer.status, 403);
      assertHides(answer.text + answer.rawHeaders, request.secrets, "the answer");
    }),
  ];
}

function outageChecks(fixture: AuthMethodFixture): readonly ContractCheck[] {
  const { outage } = fixture;
  if (!applies(outage)) return [];
  return [
    check(fixture, "answers an outage with 503, and recovers by itself", async (probe) => {
      const request = await fixture.good();
      await outage.begin();
      try {
        const answer = await probe.send(request);
        assert.equal(answer.outcome.kind, "unavailable");
        assert.equal(answer.status, 503);
        assert.match(answer.retryAfter, /^[1-9]\d*$/);
        assert.equal(answer.challenge, "", "an outage is not the caller's fault");
        assertHides(answer.everything, request.secrets, "the answer");
      } finally {
        await outage.end();
      }
      letIn(await probe.send(request));
    }),
  ];
}

/** A check against a method and a server of its own. */
function check(
  fixture: { create(): MaybePromise<AuthMethod> },
  name: string,
  body: (probe: Probe) => Promise<void>,
): ContractCheck {
  const run = async (): Promise<void> => {
    const probe = await startProbe(await fixture.create());
    try {
      await body(probe);
    } finally {
      await probe.stop();
    }
  };
  return { name, run };
}

function applies<T extends object>(part: T | NotApplicable): part is T {
  return !("notApplicable" in part);
}

async function firstRefused(fixture: AuthMethodFixture): Promise<ContractRequest> {
  const [make] = Object.values(fixture.refused);
  assert.ok(make);
  return await make();
}

/** Three kinds of request, interleaved: each answer belongs to its own. */
async function assertKeptApart(
  probe: Probe,
  good: ContractRequest,
  other: ContractRequest,
  bad: ContractRequest,
): Promise<void> {
  const expected = letIn(await probe.send(good)).ownerKey;
  const expectedOther = letIn(await probe.send(other)).ownerKey;
  assert.notEqual(expected, expectedOther);
  const requests = Array.from({ length: 10 }, () => [good, bad, other]).flat();
  const answers = await probe.sendTogether(requests);
  answers.forEach((answer, index) => {
    if (requests[index] === bad) assert.equal(answer.outcome.kind, "invalid");
    else assert.equal(letIn(answer).ownerKey, requests[index] === good ? expected : expectedOther);
  });
}

function letIn({ outcome }: ProbeAnswer) {
  assert.ok(outcome.kind === "authenticated", `not let in: ${inspect(outcome)}`);
  const { principal, ownerKey } = outcome.caller;
  assert.ok(principal, "let in without a principal");
  return { principal, ownerKey };
}

function assertRefused(answer: ProbeAnswer, { secrets }: ContractRequest): void {
  assert.equal(answer.outcome.kind, "invalid");
  assert.equal(answer.status, 401);
  assert.notEqual(answer.challenge, "", "a 401 needs a challenge");
  assertHides(answer.everything, secrets, "the answer");
}

function assertHides(text: string, secrets: readonly string[], where: string): void {
  for (const secret of secrets) {
    assert.ok(secret.length > 3, "a secret of the fixture is too short to be searched for");
    assert.ok(!text.includes(secret), `${where} shows a credential`);
  }
}

/** A time of our age, in seconds: milliseconds would lie in the year 50000. */
function assertSeconds(time: number): void {
  assert.ok(time > 0 && time < 1e11, "expiresAt must be in seconds since the epoch");
}

/** The same request with the last characters of each secret missing. */
function shorten({ headers = {}, path = "/", secrets }: ContractRequest): ContractRequest {
  const cut = (text: string): string =>
    secrets.reduce((rest, secret) => rest.replace(secret, secret.slice(0, -4)), text);
  const shortened = Object.entries(headers).map(([name, value]) => [
    name,
    typeof value === "string" ? cut(value) : value.map(cut),
  ]);
  return { headers: Object.fromEntries(shortened) as typeof headers, path: cut(path), secrets };
}
