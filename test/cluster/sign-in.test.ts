import { memoryCluster } from "../../src/cluster/memory.js";
import { createMcpRouter } from "../../src/index.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { joinNode, principal } from "../kit/cluster/limited-nodes.js";
import { converse } from "../kit/conversation.js";
import { obtainTokens, serveSignIn } from "../kit/sign-in.js";
import { bearer } from "../kit/tokens.js";

cleanUpAfterEach();

it("CLUSTER-65: endFor ends the sessions of a person in all nodes, and no namesake's", async () => {
  const cluster = memoryCluster();
  const createRouter = ((options: object) =>
    createMcpRouter({ ...options, cluster } as never)) as typeof createMcpRouter;
  const setup = await serveSignIn({ createRouter });
  const { tokens } = await obtainTokens(setup, setup.person());
  const alice = await converse(setup.resource, bearer(tokens.access_token));
  const { router } = setup;
  const other = await joinNode(cluster);
  const hers = other.open(router.sessions.list()[0]!.principal!);
  const namesakes = other.open(principal("alice", { issuer: "https://others.example" }));
  expect(await router.signIn?.endFor({ id: "alice" })).toBe(2);
  await alice.stream.ended;
  expect([hers, namesakes].map(({ closeReason }) => closeReason)).toEqual(["revoked", undefined]);
});
