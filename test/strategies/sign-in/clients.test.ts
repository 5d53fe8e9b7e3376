/** Clients that nobody knows: registration, and metadata documents on the web. */
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";
import { later } from "../../kit/clock.js";

import { MemoryStorage } from "../../../src/index.js";
import {
  cleanMetadata,
  RegistrationError,
} from "../../../strategies/oauth/sign-in/requests/registration.js";
import {
  fetchPublic,
  isPublicAddress,
  NotPublicError,
} from "../../../strategies/oauth/sign-in/requests/public-fetch.js";
import { RateLimit } from "../../../strategies/oauth/sign-in/requests/rate-limit.js";
import {
  UNUSED_CLIENT_MS,
  USED_CLIENT_MS,
} from "../../../strategies/oauth/sign-in/storage/registered-clients.js";
import { expectProblem } from "../../kit/sign-in-answers.js";
import {
  AuthorizationRequest,
  obtainTokens,
  REDIRECT_URI,
  register,
  serveSignIn,
  WEB_REDIRECT_URI,
} from "../../kit/sign-in.js";
import { passProvider } from "../../kit/person.js";

cleanUpAfterEach();

const DOCUMENT_URL = "https://client.example/metadata.json";

const document = {
  client_id: DOCUMENT_URL,
  client_name: "Example Client",
  redirect_uris: [WEB_REDIRECT_URI],
  token_endpoint_auth_method: "none",
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"],
};

const answer = (body: unknown) => async () =>
  new Response(JSON.stringify(body), { headers: { "content-type": "application/json" } });

describe("SIGNIN-12: registration", () => {
  test("takes what the SDKs send, and answers without a secret for a public client", async () => {
    const { issuer } = await serveSignIn();
    const client = await register(issuer);
    expect(client).toMatchObject({
      client_name: "Test Client",
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: "none",
      application_type: "native",
    });
    expect(client.client_secret).toBeUndefined();
    expect(JSON.stringify(client)).not.toContain("provider-secret");
    expect(client.client_id).not.toBe("our-server");
  });

  test("ignores what it does not know, and what would be fetched or shown", async () => {
    const { issuer } = await serveSignIn();
    const client = await register(issuer, {
      scope: "mcp:read openid whatever",
      logo_uri: "https://evil.example/pixel.png",
      jwks_uri: "http://169.254.169.254/latest",
      sector_identifier_uri: "https://127.0.0.1/",
      id_token_signed_response_alg: "none",
      client_id: "chosen-by-me",
      software_id: "app",
    });
    expect(client.client_id).not.toBe("chosen-by-me");
    expect(Object.keys(client)).not.toEqual(
      expect.arrayContaining(["logo_uri", "jwks_uri", "sector_identifier_uri"]),
    );
  });

  test.each([
    ["no redirect URI", []],
    ["a script", ["javascript:alert(1)"]],
    ["a script in capitals", ["JavaScript:alert(1)"]],
    ["a data URL", ["data:text/html,x"]],
    ["http to another host", ["http://client.example/callback"]],
    ["a user name in it", ["https://user@client.example/callback"]],
    ["a fragment", ["https://client.example/callback#x"]],
    ["a line break", ["https://client.example/\ncallback"]],
    ["no URL", ["client.example"]],
    ["no text", [7]],
    ["too many", Array.from({ length: 21 }, (_, index) => `https://client.example/${index}`)],
  ])("refuses %s", async (_what, redirectUris) => {
    const { issuer } = await serveSignIn();
    const response = await fetch(`${issuer}/oauth/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ redirect_uris: redirectUris }),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: expect.stringMatching(/^invalid_(redirect_uri|client_metadata)$/),
    });
  });

  test.each(["", "{", "[]", "null", '"text"'])(
    "refuses the body %j, which is no JSON object",
    async (body) => {
      const { issuer } = await serveSignIn();
      const response = await fetch(`${issuer}/oauth/register`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: "invalid_client_metadata" });
    },
  );

  test("names like those of a prototype are ignored", () => {
    const metadata = JSON.parse(
      '{"__proto__":{"application_type":"x"},"constructor":1,"redirect_uris":["https://a.example/"]}',
    ) as Record<string, unknown>;
    expect(cleanMetadata(metadata, [])).toEqual({
      redirect_uris: ["https://a.example/"],
      application_type: "web",
      response_types: ["code"],
      grant_types: ["authorization_code", "refresh_token"],
    });
    expect(() => cleanMetadata({}, [])).toThrow(RegistrationError);
  });

  test("a flood is held back with 429, and ends with the minute", async () => {
    const { issuer } = await serveSignIn({ signIn: { advanced: { registrationsPerMinute: 3 } } });
    const statuses: number[] = [];
    for (let count = 0; count < 5; count++) {
      const response = await fetch(`${issuer}/oauth/register`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ redirect_uris: [REDIRECT_URI] }),
      });
      statuses.push(response.status);
      if (response.status === 429) {
        expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
        expect(await response.json()).toMatchObject({ error: "temporarily_unavailable" });
      }
    }
    expect(statuses).toEqual([201, 201, 201, 429, 429]);
    const limit = new RateLimit({ perSource: 1, total: 2 });
    expect(await limit.take("a")).toBeUndefined();
    expect(await limit.take("a")).toBe(60);
    expect(await limit.take("b")).toBeUndefined();
    expect(await limit.take("c")).toBe(60);
    later(60_000);
    expect(await limit.take("a")).toBeUndefined();
    // Being turned away because all together were too many has used up nothing of its own.
    expect(await limit.take("c")).toBeUndefined();
  });

  test("a client that nobody approved is forgotten after a day, one in use is kept", async () => {
    let now = Date.now();
    const storage = new MemoryStorage({ now: () => now });
    const setup = await serveSignIn({ signIn: { storage } });
    const unused = await register(setup.issuer);
    const { client } = await obtainTokens(setup, setup.person());
    now += UNUSED_CLIENT_MS + 1;
    const person = setup.person();
    const page = await person.visit(new AuthorizationRequest(setup.issuer, unused.client_id).url);
    expectProblem(page, 400, /did not work/);
    const used = new AuthorizationRequest(setup.issuer, client.client_id);
    expect((await setup.person().visit(used.url)).status).toBe(200);
    expect(USED_CLIENT_MS).toBeGreaterThan(UNUSED_CLIENT_MS);
  });
});

describe("SIGNIN-13: a client-id metadata document", () => {
  test("is fetched, and its host is named on the consent page", async () => {
    const asked: string[] = [];
    const setup = await serveSignIn({
      signIn: {
        fetchClientMetadata: async (url) => {
          asked.push(String(url));
          return await answer(document)();
        },
      },
    });
    const request = new AuthorizationRequest(setup.issuer, DOCUMENT_URL, {
      redirect_uri: WEB_REDIRECT_URI,
    });
    const person = setup.person();
    const page = await passProvider(person, await person.visit(request.url), "alice");
    expect(asked).toEqual([DOCUMENT_URL]);
    expect(page.text).toContain("Its name comes from <bdi>client.example</bdi>");
    const done = await person.submit(page, { decision: "approve" });
    const code = new URL(done.url).searchParams.get("code") ?? "";
    expect((await request.redeem(code)).status).toBe(200);
  });

  test.each([
    ["names another client", { ...document, client_id: "https://other.example/" }],
    ["has a secret", { ...document, client_secret: "s" }],
    ["is a list", [document]],
    ["leads to http elsewhere", { ...document, redirect_uris: ["http://client.example/cb"] }],
    ["leads to a script", { ...document, redirect_uris: ["javascript:alert(1)"] }],
  ])("that %s is refused", async (_what, body) => {
    const setup = await serveSignIn({ signIn: { fetchClientMetadata: answer(body) } });
    const request = new AuthorizationRequest(setup.issuer, DOCUMENT_URL, {
      redirect_uri: WEB_REDIRECT_URI,
    });
    expectProblem(await setup.person().visit(request.url), 400, /did not work/);
  });

  test("that has no end is read to 64 KiB, also where the operator fetches it", async () => {
    let sent = 0;
    const endless = (): Response =>
      new Response(
        new ReadableStream<Uint8Array>({
          pull: (controller) => {
            sent += 16_384;
            if (sent > 10_000_000) controller.close();
            else controller.enqueue(new Uint8Array(16_384).fill(32));
          },
        }),
      );
    const setup = await serveSignIn({ signIn: { fetchClientMetadata: async () => endless() } });
    const { url } = new AuthorizationRequest(setup.issuer, DOCUMENT_URL);
    expectProblem(await setup.person().visit(url), 400, /did not work/);
    expect(sent).toBeLessThan(200_000);
  });

  test("of a program on a computer may name a scope, and its port may differ", async () => {
    const setup = await serveSignIn({
      signIn: {
        fetchClientMetadata: answer({
          ...document,
          redirect_uris: ["http://127.0.0.1/callback"],
          scope: "mcp:read whatever",
        }),
      },
    });
    const request = new AuthorizationRequest(setup.issuer, DOCUMENT_URL);
    const person = setup.person();
    const page = await passProvider(person, await person.visit(request.url), "alice");
    expect(page.text).toContain("A program on this computer gets access");
  });

  test.each([
    "https://127.0.0.1/client",
    "https://localhost/client",
    "https://[::1]/client",
    "https://10.1.2.3/client",
    "https://192.168.0.1/client",
    "https://169.254.169.254/latest/meta-data",
    "https://2130706433/client",
    "https://0x7f.1/client",
    "https://[::ffff:127.0.0.1]/client",
    "https://[fd00::1]/client",
    "http://client.example/client",
  ])("at %s is refused, and no request is made", async (url) => {
    const setup = await serveSignIn();
    const page = await setup.person().visit(new AuthorizationRequest(setup.issuer, url).url);
    expectProblem(page, 400, /did not work/);
    await expect(fetchPublic(url)).rejects.toThrow(NotPublicError);
  });

  test.each(["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])(
    "at a port of %s where somebody listens: nobody connects",
    async (host) => {
      const connections: unknown[] = [];
      const server = createServer((socket) => connections.push(socket));
      await new Promise<void>((resolve) => server.listen(0, resolve));
      onDispose(() => new Promise((resolve) => server.close(resolve)));
      const { port } = server.address() as AddressInfo;
      const setup = await serveSignIn();
      const url = `https://${host}:${port}/client`;
      const page = await setup.person().visit(new AuthorizationRequest(setup.issuer, url).url);
      expectProblem(page, 400, /did not work/);
      expect(connections).toEqual([]);
    },
  );

  test.each([
    ["127.0.0.1", false],
    ["0.0.0.0", false],
    ["10.0.0.1", false],
    ["172.16.0.1", false],
    ["172.32.0.1", true],
    ["192.168.255.255", false],
    ["100.64.0.1", false],
    ["169.254.169.254", false],
    ["224.0.0.1", false],
    ["255.255.255.255", false],
    ["8.8.8.8", true],
    ["::", false],
    ["::1", false],
    ["::ffff:8.8.8.8", false],
    ["64:ff9b::7f00:1", false],
    ["fc00::1", false],
    ["fe80::1", false],
    ["2001:db8::1", false],
    ["2002:7f00:1::", false],
    ["2606:4700::1111", true],
    ["localhost", false],
    ["", false],
  ])("the address %s is public: %s", (address, isPublic) => {
    expect(isPublicAddress(address)).toBe(isPublic);
  });
});
