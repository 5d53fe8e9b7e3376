/** SDK clients whose access token ends while they have much to do: each call refreshes by itself. */
import { createMcpRouter } from "../../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";
import { later } from "../../kit/clock.js";
import {
  ClientMemory,
  connectAs,
  oauthClientKits,
  streamableOAuthClientKits,
} from "../../kit/oauth-clients.js";
import type { OAuthClient, OAuthClientKit } from "../../kit/oauth-clients.js";
import { passProvider } from "../../kit/person.js";
import { serveSignIn } from "../../kit/sign-in.js";

cleanUpAfterEach();

/** As many as an agent has under way at a time. */
const CALLS = [1, 2, 3, 4, 5, 6, 7, 8];

/** A client that is signed in. */
async function signedIn(
  kit: OAuthClientKit,
  path: string,
): Promise<{ client: OAuthClient; memory: ClientMemory }> {
  const setup = await serveSignIn({ createRouter: createMcpRouter });
  const memory = new ClientMemory();
  const client = await connectAs(kit, setup.issuer + path, memory, async (url) => {
    const person = setup.person();
    const consent = await passProvider(person, await person.visit(url.href), "alice");
    return new URL((await person.submit(consent, { decision: "approve" })).url).searchParams;
  });
  onDispose(() => client.close());
  memory.authorizationUrl = undefined;
  return { client, memory };
}

describe("SIGNIN-6, SIGNIN-18: calls made at once when a client's access token has expired", () => {
  const [streamableV1, streamableV2] = streamableOAuthClientKits;

  test.each([
    ...oauthClientKits.map((kit) => ({ kit, name: kit.name, path: "/sse" })),
    { kit: streamableV2!, name: streamableV2!.name, path: "" },
  ])("$name has all of them answered, and nobody has to sign in again", async ({ kit, path }) => {
    const { client, memory } = await signedIn(kit, path);
    // Twice: what they got goes on to be good.
    for (let round = 0; round < 2; round += 1) {
      const before = memory.refreshTokens.length;
      later(3_600_000);
      const answers = await Promise.all(CALLS.map(() => client.call("whoami")));
      for (const answer of answers) expect(JSON.parse(answer)).toMatchObject({ id: "alice" });
      expect(memory.refreshTokens.length).toBeGreaterThan(before);
    }
    expect(memory.authorizationUrl).toBeUndefined();
  });

  // That client rejects a second 401 by itself, also one of another call: it goes on with the next.
  test("Streamable client v1 goes on, and nobody has to sign in again", async () => {
    const { client, memory } = await signedIn(streamableV1!, "");
    for (let round = 0; round < 2; round += 1) {
      later(3_600_000);
      const answers = await Promise.allSettled(CALLS.map(() => client.call("whoami")));
      for (const answer of answers) {
        if (answer.status === "fulfilled") expect(answer.value).toContain("alice");
        else expect(String(answer.reason)).toContain("401 after successful authentication");
      }
      expect(JSON.parse(await client.call("whoami"))).toMatchObject({ id: "alice" });
    }
    expect(memory.authorizationUrl).toBeUndefined();
  });
});
