import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { asCaller } from "../../kit/conversation.js";
import { NpmClient } from "../../kit/npm-clients.js";
import { serveRouter } from "../../kit/serve.js";

cleanUpAfterEach();

const NOBODY = { authorization: "Bearer nobody" };

it.each(["streamable-first-v1", "streamable-first-v2", "mcp-remote-as-documented"])(
  "MESSAGE-1: %s, a client that tries Streamable HTTP first, finds its way at the same URL",
  async (name) => {
    const { sseUrl } = await serveRouter();
    const client = await NpmClient.connect(name, sseUrl, asCaller());
    expect(await client.call("echo", { text: "found" })).toMatchObject({ text: "found" });
  },
);

it("AUTH-1: the Inspector speaks of OAuth when a credential is refused", async () => {
  const { sseUrl } = await serveRouter();
  const client = await NpmClient.connect("inspector-2", sseUrl, NOBODY);
  const { error } = await client.call("echo", { text: "refused" });
  expect(error).toMatch(/auth_required.*Interactive OAuth requires a TTY/s);
});

it("AUTH-1: mcp-remote tries OAuth when a credential is refused, and ends", async () => {
  const { sseUrl } = await serveRouter();
  await expect(NpmClient.connect("mcp-remote", sseUrl, NOBODY)).rejects.toThrow(/\/register/);
});
