import type { Credential } from "../../src/doctor/contract.js";
import { examine } from "../../src/doctor/examine.js";
import type { Report } from "../../src/doctor/report.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { JwksServer } from "../kit/jwks-server.js";
import { OidcIssuer } from "../kit/oidc-issuer.js";
import { CLIENT, oauthFor } from "../kit/resource-server.js";
import { serveRouter } from "../kit/serve.js";
import { serveSignIn } from "../kit/sign-in.js";
import { rsaKey } from "../kit/tokens.js";
import { BROKEN_DOCUMENTS, serveMcp } from "./broken/oauth.js";

cleanUpAfterEach();

async function reportOn(url: string, ...credentials: readonly Credential[]): Promise<Report> {
  return await examine({ url: new URL(url), credentials, timeoutMs: 10_000, isQuick: true });
}

it.each(BROKEN_DOCUMENTS)("the first finding is %s: %s", async (id, _fault, serve) => {
  const { url } = await serve();
  const { findings } = await reportOn(url);
  expect(findings[0]).toMatchObject({ id });
});

describe("a healthy server has no finding, for who shows nothing", () => {
  it("with an issuer at which clients register", async () => {
    const issuer = await OidcIssuer.start();
    onDispose(() => issuer.stop());
    const url = await serveMcp(oauthFor(issuer, CLIENT));
    expect((await reportOn(url)).findings).toEqual([]);
  });

  it("with sign-in", async () => {
    const { resource } = await serveSignIn();
    expect((await reportOn(resource)).findings).toEqual([]);
  });

  it("with API keys", async () => {
    const { sseUrl } = await serveRouter({
      auth: { type: "apikey", options: { keys: ["a-key-of-some-length"] } },
    });
    expect((await reportOn(sseUrl)).findings).toEqual([]);
  });

  it("with tokens of a key set, and nothing to discover", async () => {
    const keys = await JwksServer.start(rsaKey("one"));
    onDispose(() => keys.stop());
    const url = await serveMcp({
      type: "jwt",
      options: { jwksUri: keys.url, audience: "us", algorithms: ["RS256"] },
    });
    expect((await reportOn(url)).findings).toEqual([]);
  });

  it("that lets everybody in", async () => {
    const { sseUrl } = await serveRouter({ auth: false });
    expect((await reportOn(sseUrl)).findings).toEqual([]);
  });
});
