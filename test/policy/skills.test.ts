import { McpServer } from "@modelcontextprotocol/server";
import { memorySkillFiles, SkillsExtension } from "@modelcontextprotocol/server/ext/skills";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { MODERN, STATEFUL } from "../kit/policy-wires.js";
import { serveMcp } from "../kit/streamable.js";

cleanUpAfterEach();

const skill = (name: string) => `---\nname: ${name}\ndescription: of ${name}\n---\nDo it.`;

it.each([...STATEFUL, MODERN])(
  "POLICY-10, POLICY-15: skills over $name are resources, and concealed ones are none",
  async (wire) => {
    const files = memorySkillFiles({ "dev/SKILL.md": skill("dev"), "hr/SKILL.md": skill("hr") });
    const skills = await SkillsExtension.load(files);
    const createServer = () => {
      const server = new McpServer({ name: "skilled", version: "2.0.0" });
      skills.attach(server);
      return server;
    };
    const resources = { "skill://hr*": false };
    const served = await serveMcp({ createServer, policy: { resources, conceal: true } });
    const client = await wire.connect(served, asCaller());
    const { result } = await client.ask("skills/list");
    expect(result.skills).toMatchObject([{ uri: "skill://dev/SKILL.md" }]);
    const root = await client.ask("resources/directory/read", { uri: "skill://dev" });
    expect(root.result.resources).toMatchObject([{ uri: "skill://dev/SKILL.md" }]);
    for (const [method, file] of [
      ["skills/get", "/SKILL.md"],
      ["resources/directory/read", ""],
      ["resources/read", "/SKILL.md"],
    ] as const) {
      const [known, concealed, unknown] = [
        await client.ask(method, { uri: `skill://dev${file}` }),
        await client.ask(method, { uri: `skill://hr${file}` }),
        await client.ask(method, { uri: `skill://xx${file}` }),
      ];
      expect(known.result).toBeDefined();
      expect(JSON.stringify(concealed.error)).toBe(
        JSON.stringify(unknown.error).replaceAll("skill://xx", "skill://hr"),
      );
    }
  },
);
