/** A login that was ended stays ended, and nobody waits for ever for a word on it. */
import { Strategy as LocalStrategy } from "passport-local";
import { MemoryStorage } from "../../../src/index.js";
import type { SignInOptions } from "../../../src/index.js";
import { Logins } from "../../../strategies/oauth/sign-in/storage/records.js";
import { Revalidation } from "../../../strategies/oauth/sign-in/login/revalidation.js";
import { ConfirmLaterError } from "../../../strategies/oauth/sign-in/login/login-step.js";
import { SealedStorage } from "../../../strategies/oauth/sign-in/storage/seal.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { send } from "../../kit/raw-http.js";
import { later } from "../../kit/clock.js";
import { OpenStorage } from "../../kit/open-storage.js";
import {
  AuthorizationRequest,
  obtainTokens,
  register,
  serveSignIn,
  tokenRequest,
} from "../../kit/sign-in.js";
import type { SignInSetup, TokenAnswer } from "../../kit/sign-in.js";

cleanUpAfterEach();

const HOUR = 3_600_000;

async function refresh(
  { issuer }: SignInSetup,
  clientId: string,
  { refresh_token }: TokenAnswer,
): Promise<TokenAnswer> {
  const parameters = { grant_type: "refresh_token", client_id: clientId, refresh_token };
  return await tokenRequest(issuer, parameters);
}

async function accepts({ resource }: SignInSetup, { access_token }: TokenAnswer): Promise<number> {
  const headers = { authorization: `Bearer ${access_token}` };
  return (await send(resource, { headers })).status;
}

/** A storage in which writes of logins wait for the test. */
class SlowStorage extends OpenStorage {
  #reached: (() => void) | undefined;
  #release: Promise<void> | undefined;

  /** Holds the next writes; resolves once there is one, with what lets them go on. */
  async holdLogins(): Promise<() => void> {
    let release = (): void => undefined;
    this.#release = new Promise((resolve) => (release = resolve));
    await new Promise<void>((resolve) => (this.#reached = resolve));
    return release;
  }

  override async set(key: string, value: string, ttlMs?: number, owner?: string): Promise<void> {
    if (key.includes("/Login:") && this.#release !== undefined) {
      this.#reached?.();
      await this.#release;
    }
    await super.set(key, value, ttlMs, owner);
  }
}

describe("SIGNIN-17, SIGNIN-33: what was ended while it was being confirmed stays ended", () => {
  test("signing out wins over a refresh at the same moment", async () => {
    const storage = new SlowStorage();
    const setup = await serveSignIn({ signIn: { storage, accessTokenSeconds: 3600 } });
    const person = setup.person();
    const { client, tokens } = await obtainTokens(setup, person);
    later(HOUR);
    const page = await person.visit(`${setup.issuer}/oauth/sign-out`);
    const holding = storage.holdLogins();
    const refreshing = refresh(setup, client.client_id, tokens);
    const release = await holding;
    expect((await person.submit(page, {})).text).toContain("You are signed out");
    release();
    await refreshing;
    const again = await refresh(setup, client.client_id, await refreshing);
    expect(again.status).toBe(400);
    expect(await accepts(setup, await refreshing)).toBe(401);
  });

  test("a refresh under way when a person is ended gets invalid_grant, and no outage", async () => {
    const setup = await serveSignIn();
    const { client, tokens } = await obtainTokens(setup, setup.person());
    later(HOUR);
    const asked = new Promise<() => void>((resolve) => {
      setup.provider.faults.set("/token", (_req, res) => {
        resolve(() => void res.writeHead(503).end());
      });
    });
    const refreshing = refresh(setup, client.client_id, tokens);
    const answer = await asked;
    await setup.router.signIn?.endFor({ id: "alice" });
    answer();
    expect(await refreshing).toMatchObject({ status: 400, error: "invalid_grant" });
  });

  test("a person who was ended stays so, however many others are", async () => {
    const storage = new MemoryStorage({ maxEntries: 20 });
    const setup = await serveSignIn({ signIn: { storage, accessTokenSeconds: 3600 } });
    const { client, tokens } = await obtainTokens(setup, setup.person());
    await setup.router.signIn?.endFor({ id: "alice" });
    for (let count = 0; count < 25; count++) {
      await setup.router.signIn?.endFor({ id: `person-${count}` });
    }
    expect(await accepts(setup, tokens)).toBe(401);
    expect((await refresh(setup, client.client_id, tokens)).status).toBe(400);
  });
});

describe("SIGNIN-32: how long a word is waited for, and counts", () => {
  const form: SignInOptions = {
    strategy: new LocalStrategy((username, _password, done) => done(null, username)),
    principal: (user) => ({ id: String(user) }),
    form: ["username", "password"].map((name) => ({ name, label: name })),
  };

  test("signInAgainAfterMs holds also where it is shorter than revalidateMs", async () => {
    const setup = await serveSignIn({ signIn: { ...form, signInAgainAfterMs: 60_000 } });
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId);
    const person = setup.person();
    const page = await person.visit(request.url);
    const consent = await person.submit(page, { username: "ada", password: "any" });
    const answer = await person.submit(consent, { decision: "approve" });
    const tokens = await request.redeem(new URL(answer.url).searchParams.get("code") ?? "");
    const young = await refresh(setup, clientId, tokens);
    expect(young.status).toBe(200);
    later(60_000);
    expect((await refresh(setup, clientId, young)).status).toBe(400);
  });

  test("a function that never answers is an outage, and is asked anew the next time", async () => {
    const key = { id: "key", key: Buffer.alloc(32) };
    const records = new SealedStorage(new MemoryStorage(), [key], { issuer: "https://a.example" });
    const logins = new Logins(records);
    let isStuck = true;
    const revalidation = new Revalidation({
      logins,
      rules: { revalidateMs: 0, signInAgainAfterMs: HOUR },
      ask: () => (isStuck ? new Promise(() => undefined) : Promise.resolve({ kind: "good" })),
      answerMs: 20,
    });
    const id = await logins.create({ profile: { id: "ada" } });
    await expect(revalidation.confirm(id)).rejects.toThrow(ConfirmLaterError);
    isStuck = false;
    expect(await revalidation.confirm(id)).toMatchObject({ profile: { id: "ada" } });
  });
});
