import express from "express";
import type { Express } from "express";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import {
  ADMIN,
  DENIED_META,
  guardedV1,
  guardedV2,
  Ran,
  READER,
  RULES,
} from "../kit/guarded-servers.js";
import { MODERN, STATEFUL } from "../kit/policy-wires.js";
import { serveMcp } from "../kit/streamable.js";

cleanUpAfterEach();

const CASES = [
  ...STATEFUL.flatMap((wire) => [
    { wire, kit: guardedV1 },
    { wire, kit: guardedV2 },
  ]),
  { wire: MODERN, kit: guardedV2 },
].map((one) => ({ ...one, name: `${one.wire.name}, a server of SDK ${one.kit.sdk}` }));

/** A body that the app has read is judged like any other, and so is what is answered before the app. */
const HOSTS = {
  v1: { configure: (app: Express) => void app.use(express.json()) },
  v2: { ahead: true },
};

describe.each(CASES)("$name", ({ wire, kit }) => {
  const serve = async (ran: Ran, more: object = {}) =>
    serveMcp({
      createServer: () => kit.create(ran),
      policy: { ...RULES, ...more },
      ...HOSTS[kit.sdk],
    });

  it("POLICY-30: nothing that is denied reaches the server, and what is permitted does", async () => {
    const ran = new Ran();
    const reader = await wire.connect(await serve(ran), READER);
    const denied = await reader.ask("tools/call", { name: "delete", arguments: {} });
    expect(denied.result).toMatchObject({
      isError: true,
      _meta: { [DENIED_META]: { error: "insufficient_scope", missing: ["admin"] } },
    });
    for (const [method, params] of [
      ["resources/read", { uri: "db://salaries" }],
      ["prompts/get", { name: "hr_plan", arguments: { who: "bob" } }],
      [
        "completion/complete",
        { ref: { type: "ref/prompt", name: "hr_plan" }, argument: { name: "who", value: "" } },
      ],
    ] as const) {
      const { error } = await reader.ask(method, params);
      expect(error.data).toMatchObject({ code: "insufficient_scope", missing: ["admin"] });
    }
    expect(ran.list).toEqual([]);
    const looked = await reader.ask("tools/call", { name: "look", arguments: {} });
    expect(looked.result.content[0].text).toBe("look");
    await reader.ask("resources/read", { uri: "file:///public/a" });
    expect(ran.list).toEqual(["look", "file:///public/a"]);
  });

  it("POLICY-34: lists show what their caller may have, and each caller another part of them", async () => {
    const served = await serve(new Ran());
    const [reader, admin] = [await wire.connect(served, READER), await wire.connect(served, ADMIN)];
    for (const [list, of, all] of [
      ["tools", "name", ["look", "delete"]],
      ["resources", "uri", ["file:///public/a", "db://salaries"]],
      ["prompts", "name", ["greet", "hr_plan"]],
    ] as const) {
      const namesOf = async (client: typeof reader) => {
        const { result } = await client.ask(`${list}/list`);
        return (result[list] as Record<string, string>[]).map((entry) => entry[of]);
      };
      expect(await namesOf(reader)).toEqual([all[0]]);
      expect(await namesOf(admin)).toEqual(all);
      expect(await namesOf(reader)).toEqual([all[0]]);
    }
  });

  it("POLICY-33: with http-403 the POST says what is missing, and the server hears nothing", async () => {
    const ran = new Ran();
    const reader = await wire.connect(await serve(ran, { denied: "http-403" }), READER);
    const answer = await reader.post("tools/call", { name: "delete", arguments: {} });
    expect(answer.status).toBe(403);
    expect(answer.header("www-authenticate")).toBe(
      'Bearer realm="mcp", error="insufficient_scope", scope="read admin"',
    );
    expect(answer.json).toMatchObject({
      id: expect.any(Number) as number,
      error: { data: { code: "insufficient_scope" } },
    });
    expect(ran.list).toEqual([]);
    expect((await reader.ask("tools/call", { name: "look", arguments: {} })).result).toBeDefined();
  });

  it("POLICY-15, POLICY-30: what is concealed is answered as what its server does not have", async () => {
    const reader = await wire.connect(await serve(new Ran(), { conceal: true }), READER);
    for (const [method, concealed, unknown] of [
      ["tools/call", { name: "delete", arguments: {} }, { name: "delite", arguments: {} }],
      ["prompts/get", { name: "hr_plan" }, { name: "hr_plxn" }],
    ] as const) {
      const [{ result, error }, none] = [
        await reader.ask(method, concealed),
        await reader.ask(method, unknown),
      ];
      const told = JSON.stringify({ result: none.result as unknown, error: none.error as unknown });
      expect(JSON.stringify({ result: result as unknown, error: error as unknown })).toBe(
        told.replaceAll(unknown.name, concealed.name),
      );
    }
  });
});
