import type { Reply, Target } from "../../src/doctor/contract.js";
import { examine } from "../../src/doctor/examine.js";
import { FINDERS } from "../../src/doctor/findings.js";
import { judge } from "../../src/doctor/report.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { ANSWERED_BY_OTHERS, STREAMABLE, UNREACHED } from "./broken/reach.js";
import type { BrokenServer } from "./broken/reach.js";

cleanUpAfterEach();

async function targetOf({ serve }: BrokenServer): Promise<Target> {
  const { url, credentials = [], timeoutMs = 60_000 } = await serve();
  return { url: new URL(url), credentials, timeoutMs, isQuick: true };
}

/** Faults for which a test would need another network, or an authority that Node trusts. */
it.each([
  ["EAI_AGAIN", "host-unknown"],
  ["EHOSTUNREACH", "host-unreachable"],
  ["UND_ERR_CONNECT_TIMEOUT", "host-unreachable"],
  ["CERT_HAS_EXPIRED", "certificate-expired"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "certificate-wrong-host"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "certificate-untrusted"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "certificate-untrusted"],
  ["ECONNRESET", "no-http"],
  ["SOMETHING_NEW", "not-asked"],
])("CLI-4: the one finding where nothing comes back for %s is %s", (code, finding) => {
  const url = new URL("https://api.example.com/mcp");
  const silent = (method: string): Reply => {
    return { kind: "unanswered", method, url, code, reason: "In Node's words." };
  };
  const target = { url, credentials: [], timeoutMs: 1, isQuick: true };
  const evidence = { target, stranger: { get: silent("GET"), post: silent("POST") } };
  const [first, ...others] = judge(evidence, FINDERS);
  expect(first).toMatchObject({ id: finding, severity: "error" });
  expect(first?.seen).toBe(
    `POST https://api.example.com/mcp got no answer: ${code}. In Node's words.`,
  );
  expect(others).toEqual([]);
});

describe.each([
  ["the way to it", UNREACHED],
  ["others", ANSWERED_BY_OTHERS],
  ["Streamable HTTP", STREAMABLE],
])("CLI-4: what goes wrong by %s:", (_what, servers) => {
  it.each(servers)("of a server with $name the first finding is $finding", async (server) => {
    const { findings } = await examine(await targetOf(server));
    expect(findings.map(({ id }) => id)).toEqual([server.finding]);
  });
});
