import { DiscoveryError, IssuerDiscovery } from "../../../strategies/oauth/discovery.js";
import type { IssuerDiscoveryOptions } from "../../../strategies/oauth/discovery.js";
import { faults } from "../../kit/fake-issuer.js";
import type { FakeIssuer, WellKnownForm } from "../../kit/fake-issuer.js";
import { printed } from "../../kit/leak-watch.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { rejectionOf } from "../../kit/auth-probe.js";
import { fakeIssuer } from "../../kit/resource-server.js";
import { until } from "../../kit/waiting.js";

const HOUR_MS = 3_600_000;

let clock = 0;

cleanUpAfterEach();
beforeEach(() => (clock = 1_800_000_000_000));

function discover(issuer: FakeIssuer, options: Partial<IssuerDiscoveryOptions> = {}) {
  return new IssuerDiscovery({ issuerUrl: issuer.url, now: () => clock, ...options });
}

/** How many requests for metadata came, those that are still on their way included. */
async function askedSoFar(issuer: FakeIssuer): Promise<number> {
  await fetch(`${issuer.origin}/a-request-behind-them`);
  return issuer.requests.filter((request) => request.url.includes("/.well-known/")).length;
}

function causeOf(error: Error): DiscoveryError {
  if (error.cause instanceof DiscoveryError) return error.cause;
  throw new Error("the cause is no DiscoveryError");
}

describe("OAUTH-1: where metadata is found", () => {
  it.each<[WellKnownForm, string]>([
    ["rfc8414-insert", "/.well-known/oauth-authorization-server/realms/a"],
    ["oidc-insert", "/.well-known/openid-configuration/realms/a"],
    ["oidc-append", "/realms/a/.well-known/openid-configuration"],
  ])("finds an issuer that publishes only as %s", async (form, path) => {
    const issuer = await fakeIssuer({ path: "/realms/a", forms: [form] });

    const metadata = await discover(issuer).metadata();

    expect(metadata.issuer).toBe(issuer.url);
    expect(metadata.jwksUri).toBe(`${issuer.url}/jwks`);
    expect(issuer.requests.at(-1)?.url).toBe(path);
  });

  it("asks in the order of the specifications and stops at the first document", async () => {
    const issuer = await fakeIssuer({ path: "/realms/a", forms: ["oidc-insert", "oidc-append"] });

    await discover(issuer).metadata();

    expect(issuer.requests.map((request) => request.url)).toEqual([
      "/.well-known/oauth-authorization-server/realms/a",
      "/.well-known/openid-configuration/realms/a",
    ]);
    expect(issuer.requests[0]?.headers.accept).toBe("application/json");
  });

  it("asks nothing before metadata is needed", async () => {
    const issuer = await fakeIssuer();
    const discovery = discover(issuer);

    expect(issuer.requests).toHaveLength(0);
    expect(discovery.failure).toBeUndefined();
  });

  it("goes on to the next URL when a document names another issuer", async () => {
    const issuer = await fakeIssuer({ path: "/realms/a" });
    issuer.fail("rfc8414-insert", faults.body('{"issuer":"https://evil.example"}'));

    const metadata = await discover(issuer).metadata();

    expect(metadata.issuer).toBe(issuer.url);
    expect(issuer.requestsTo("oidc-insert")).toHaveLength(1);
  });

  it("keeps the published spelling of an issuer that differs by the slash at its end", async () => {
    const issuer = await fakeIssuer({ path: "/o/app" });
    issuer.metadata = { issuer: `${issuer.url}/` };

    expect((await discover(issuer).metadata()).issuer).toBe(`${issuer.url}/`);
    expect((await discover(issuer, { issuerUrl: `${issuer.url}/` }).metadata()).issuer).toBe(
      `${issuer.url}/`,
    );
  });
});

describe("OAUTH-1: an issuer that gives no usable metadata", () => {
  it.each([
    ["a 500", faults.status(500), "answered 500"],
    ["a 404", faults.status(404), "answered 404"],
    ["a page instead of JSON", faults.invalidJson(), "answered something that is no JSON"],
    ["a list", faults.body("[]"), "answered JSON that is no object"],
    ["an empty document", faults.body("{}"), "names no issuer"],
    ["an endless body", faults.endless(), "answered more than 262144 bytes"],
    ["a connection that is reset", faults.reset(), "could not be reached"],
    ["no answer", faults.hang(), "did not answer within 80 ms"],
    ["half an answer", faults.stall(), "did not answer within 80 ms"],
  ])("is unavailable with %s", async (_, fault, answer) => {
    const issuer = await fakeIssuer();
    issuer.fail("metadata", fault);
    // The faults that answer must not run into the limit of those that do not.
    const timeoutMs = answer.includes("80 ms") ? 80 : 5000;

    const error = await rejectionOf(discover(issuer, { timeoutMs }).metadata());

    expect(error.code).toBe("temporarily_unavailable");
    expect(error.status).toBe(503);
    expect(error.headers).toEqual({ "Retry-After": "5" });
    expect(causeOf(error).attempts.map((attempt) => attempt.answer)).toEqual([
      expect.stringContaining(answer),
      expect.stringContaining(answer),
    ]);
  });

  it("is told to operators with every URL and its answer, and to clients with neither", async () => {
    const issuer = await fakeIssuer({ path: "/realms/a" });
    issuer.fail("rfc8414-insert", faults.status(500));
    issuer.fail("oidc-insert", faults.body('{"issuer":"https://evil.example"}'));
    issuer.fail("oidc-append", faults.invalidJson());

    const error = await rejectionOf(discover(issuer).metadata());

    const { origin } = issuer;
    expect(causeOf(error).message).toBe(
      `no metadata of the issuer ${issuer.url} was found: ` +
        `${origin}/.well-known/oauth-authorization-server/realms/a answered 500; ` +
        `${origin}/.well-known/openid-configuration/realms/a names another issuer, "https://evil.example"; ` +
        `${origin}/realms/a/.well-known/openid-configuration answered something that is no JSON`,
    );
    expect(error.message).toBe("the issuer cannot be reached");
  });

  it("cannot send us elsewhere with a redirect", async () => {
    const issuer = await fakeIssuer();
    const elsewhere = await fakeIssuer();
    issuer.fail("metadata", faults.redirect(`${elsewhere.url}/.well-known/openid-configuration`));

    const error = await rejectionOf(discover(issuer).metadata());

    expect(causeOf(error).message).toContain("answered 302");
    expect(elsewhere.requests).toHaveLength(0);
  });

  it("cannot write lines or fill the log with the issuer it names", async () => {
    const issuer = await fakeIssuer();
    issuer.metadata = { issuer: `x\n2026-01-01 admin logged in${"x".repeat(100_000)}` };

    const error = await rejectionOf(discover(issuer).metadata());

    expect(causeOf(error).message).not.toContain("\n");
    expect(causeOf(error).message.length).toBeLessThan(1000);
    expect(printed(error).length).toBeLessThan(10_000);
  });

  it("is unavailable when nothing listens, and heals by itself", async () => {
    const issuer = await fakeIssuer();
    const discovery = discover(issuer);
    await issuer.stop();

    const error = await rejectionOf(discovery.metadata());
    expect(causeOf(error).message).toContain("could not be reached");
    expect(discovery.failure).toBe(causeOf(error));

    await issuer.start();
    clock += 5000;
    expect((await discovery.metadata()).issuer).toBe(issuer.url);
    expect(discovery.failure).toBeUndefined();
  });
});

describe("OAUTH-1: how often an issuer is asked", () => {
  it("joins look-ups that happen together", async () => {
    const issuer = await fakeIssuer();
    const discovery = discover(issuer);
    const release = issuer.hold("rfc8414-insert");
    const lookups = Array.from({ length: 50 }, async () => await discovery.metadata());
    await issuer.received("rfc8414-insert");
    release();

    const [first, ...others] = await Promise.all(lookups);

    expect(others.every((metadata) => metadata === first)).toBe(true);
    expect(issuer.requests).toHaveLength(1);
  });

  it("asks once within the lifetime", async () => {
    const issuer = await fakeIssuer();
    const discovery = discover(issuer);
    await discovery.metadata();
    clock += HOUR_MS - 1;

    await discovery.metadata();

    expect(await askedSoFar(issuer)).toBe(1);
  });

  it("renews after the lifetime without letting the caller wait", async () => {
    const issuer = await fakeIssuer();
    const discovery = discover(issuer);
    await discovery.metadata();
    issuer.metadata = { jwks_uri: `${issuer.url}/new-jwks` };
    clock += HOUR_MS;
    const release = issuer.hold("rfc8414-insert");

    expect((await discovery.metadata()).jwksUri).toBe(`${issuer.url}/jwks`);
    release();
    await until(async () => (await discovery.metadata()).jwksUri === `${issuer.url}/new-jwks`);

    expect(issuer.requests).toHaveLength(2);
  });

  it("keeps what it found while the issuer is down, and asks again after the cooldown only", async () => {
    const issuer = await fakeIssuer();
    const discovery = discover(issuer);
    const found = await discovery.metadata();
    issuer.fail("metadata", faults.status(500));
    clock += HOUR_MS;

    expect(await discovery.metadata()).toBe(found);
    await until(() => discovery.failure !== undefined);
    const asked = await askedSoFar(issuer);
    clock += 4999;
    for (let count = 0; count < 100; count++) expect(await discovery.metadata()).toBe(found);
    expect(await askedSoFar(issuer)).toBe(asked);

    issuer.heal();
    clock += 1;
    await discovery.metadata();
    await until(() => discovery.failure === undefined);
    expect(await askedSoFar(issuer)).toBe(asked + 1);
  });

  it("keeps what it found when the issuer begins to name another one", async () => {
    const issuer = await fakeIssuer();
    const discovery = discover(issuer);
    const found = await discovery.metadata();
    issuer.metadata = { issuer: "https://evil.example" };
    clock += HOUR_MS;

    await discovery.metadata();
    await until(() => discovery.failure !== undefined);

    expect(await discovery.metadata()).toBe(found);
  });

  it("spares a dead issuer a flood, and says when to come back", async () => {
    const issuer = await fakeIssuer();
    issuer.fail("metadata", faults.status(500));
    const discovery = discover(issuer);
    const first = await rejectionOf(discovery.metadata());
    const asked = issuer.requests.length;

    clock += 1500;
    const flood = Array.from({ length: 100 }, async () => await rejectionOf(discovery.metadata()));
    for (const error of await Promise.all(flood)) {
      expect(error.headers).toEqual({ "Retry-After": "4" });
      expect(error.cause).toBe(first.cause);
    }
    expect(issuer.requests).toHaveLength(asked);

    clock += 3500;
    await rejectionOf(discovery.metadata());
    expect(issuer.requests).toHaveLength(asked * 2);
  });

  it("asks again when the clock was set back, instead of waiting for it to catch up", async () => {
    const issuer = await fakeIssuer();
    issuer.fail("metadata", faults.status(500));
    const discovery = discover(issuer);
    await rejectionOf(discovery.metadata());
    issuer.heal();

    clock -= 24 * HOUR_MS;

    expect((await discovery.metadata()).issuer).toBe(issuer.url);
  });
});
