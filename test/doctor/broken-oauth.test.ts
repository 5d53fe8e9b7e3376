import { examine } from "../../src/doctor/examine.js";
import type { ReportedFinding } from "../../src/doctor/report.js";
import { cleanUpAfterAll, onDispose } from "../kit/clean-up.js";
import { JwksServer } from "../kit/jwks-server.js";
import { OidcIssuer } from "../kit/oidc-issuer.js";
import { CLIENT, oauthFor, tokenOf } from "../kit/resource-server.js";
import { serveRouter } from "../kit/serve.js";
import { obtainTokens, serveSignIn } from "../kit/sign-in.js";
import { keyToken, rsaKey } from "../kit/tokens.js";
import { targetOf } from "./broken/case.js";
import type { Patient } from "./broken/case.js";
import { BROKEN_CREDENTIALS, bearerOf } from "./broken/credentials.js";
import { BROKEN_DOCUMENTS, serveMcp, wholeIssuer } from "./broken/oauth.js";

cleanUpAfterAll();

/** None of these servers stands behind one. */
const NO_NGINX = undefined as never;

async function findingsOf(patient: Patient): Promise<readonly ReportedFinding[]> {
  return (await examine(targetOf(patient))).findings;
}

it.each(BROKEN_DOCUMENTS)("CLI-23: the finding is $finding: $name", async ({ finding, serve }) => {
  const found = await findingsOf(await serve(NO_NGINX));
  expect(found.map(({ id }) => id)).toEqual([finding]);
});

it.each(BROKEN_CREDENTIALS)(
  "CLI-25: the finding is $finding: $name",
  async ({ finding, serve }) => {
    const found = await findingsOf(await serve(NO_NGINX));
    expect(found.map(({ id }) => id)).toEqual([finding]);
  },
);

describe("CLI-26: a healthy server has no finding", () => {
  it("with an issuer at which clients register", async () => {
    const issuer = await OidcIssuer.start();
    onDispose(() => issuer.stop());
    expect(await findingsOf({ url: await serveMcp(oauthFor(issuer, CLIENT)) })).toEqual([]);
  });

  it("with a good token of an issuer", async () => {
    const issuer = await wholeIssuer();
    const credential = bearerOf(await tokenOf(issuer));
    for (const url of [
      await serveMcp(oauthFor(issuer)),
      (await serveRouter({ auth: oauthFor(issuer) })).sseUrl,
    ]) {
      expect(await findingsOf({ url, credential })).toEqual([]);
    }
  });

  it("with sign-in, and with a token of it", async () => {
    const setup = await serveSignIn();
    const { tokens } = await obtainTokens(setup, setup.person());
    const credential = bearerOf(tokens.access_token);
    expect(await findingsOf({ url: setup.resource })).toEqual([]);
    expect(await findingsOf({ url: setup.resource, credential })).toEqual([]);
  });

  it("with API keys", async () => {
    const key = "a-key-of-some-length-0123456789";
    const { sseUrl: url } = await serveRouter({
      auth: { type: "apikey", options: { keys: [key] } },
    });
    expect(await findingsOf({ url })).toEqual([]);
    for (const name of ["X-API-Key", "Authorization"]) {
      const value = name === "Authorization" ? `Bearer ${key}` : key;
      expect(await findingsOf({ url, credential: { kind: "header", name, value } })).toEqual([]);
    }
  });

  it("with tokens of a key set, and nothing to discover", async () => {
    const key = rsaKey("one");
    const keys = await JwksServer.start(key);
    onDispose(() => keys.stop());
    const url = await serveMcp({
      type: "jwt",
      options: { jwksUri: keys.url, audience: "us", algorithms: ["RS256"] },
    });
    const credential = bearerOf(keyToken(key, { aud: "us" }));
    expect(await findingsOf({ url })).toEqual([]);
    expect(await findingsOf({ url, credential })).toEqual([]);
  });

  it("that lets everybody in", async () => {
    const { sseUrl: url } = await serveRouter({ auth: false });
    expect(await findingsOf({ url })).toEqual([]);
  });
});
