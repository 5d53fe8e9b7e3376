import { SDK_WIRES } from "../clients/npm/wires.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import {
  clientV1,
  clientV2,
  clientV2Auto,
  streamableV1,
  streamableV2,
  streamableV2Auto,
  streamableV2Pinned,
  withFallback,
} from "../kit/sdk-clients.js";
import { begunBy, casesOf, talk } from "../kit/wires.js";

cleanUpAfterEach();

const clients = [
  ...[clientV1, clientV2, clientV2Auto],
  ...[streamableV1, streamableV2, streamableV2Auto, streamableV2Pinned],
  withFallback("v1 with fallback", streamableV1, clientV1),
  withFallback("v2 with fallback", streamableV2, clientV2),
];

const rows = SDK_WIRES.flatMap((row) => row.runs.map((name) => ({ name, row })));

describe.each(["v1", "v2"] as const)("with servers of SDK %s", (major) => {
  it.each(rows)(
    "STREAMABLE-2, STREAMABLE-14, MODERN-1, MODERN-3: $name talks the wire of its URL",
    async ({ name, row }) => {
      const client = clients.find((kit) => kit.name === name)!;
      for (const ahead of [false, true]) {
        for (const wire of casesOf(row, major)) {
          const { outcome, begun } = await talk(client, wire, { ahead });
          const { expected, at } = wire;
          if (typeof expected === "string") expect([at, outcome]).toEqual([at, expected]);
          else expect(outcome).toMatch(expected.fails);
          expect([at, begun]).toEqual([at, begunBy(expected)]);
        }
      }
    },
  );
});
