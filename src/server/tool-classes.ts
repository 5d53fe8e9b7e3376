import { checkText, optionError } from "../shared/check.js";

/** A tool as mcp-framework's classes describe one; of its `MCPTool` and of any class of this form. */
export interface ToolInstance {
  readonly name: string;
  readonly description?: string;
  readonly title?: string;
  readonly annotations?: object;
  /** A zod object, or the older form: a type and a description for each field. */
  readonly schema?: object;
  readonly outputSchemaShape?: object | undefined;
  /** Whether text is answered as JSON, in quotation marks. */
  readonly useStringify?: boolean;
  /**
   * Does what the tool is for. Texts, results of the SDK and any other value may be returned; a throw is the
   * tool's error.
   *
   * @param extra what the SDK hands to every tool; `principalOf(extra)` is the caller.
   */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each tool has an input of its own
  execute(input: any, extra?: unknown): unknown;
}

/** A class of tools. */
export type ToolClass = new () => ToolInstance;

/** As much of the SDK's `McpServer` (version 1) as is used here. */
export interface ToolServer {
  readonly server: unknown;
  /** As the SDK's own. */
  registerTool(name: string, config: never, handler: never): unknown;
}

/** What of the SDK's `extra` the classes of the framework want to have. */
interface CallExtra {
  readonly signal: AbortSignal;
  readonly _meta?: { readonly progressToken?: string | number };
}

/** What the framework sets on its tools before a call. */
interface FrameworkTool extends ToolInstance {
  readonly app?: unknown;
  injectServer?(server: unknown): void;
  setAbortSignal?(signal: AbortSignal): void;
  setProgressToken?(token: string | number | undefined): void;
}

/**
 * Tool classes of mcp-framework as a `setup`: `setup: fromToolClasses(AddTool, WeatherTool)`. Any
 * class with `name`, `description`, `schema` and `execute` will do.
 *
 * Each session has instances of its own: a tool that knows its server must not ask another caller's
 * client. What sessions share belongs into a module.
 *
 * @example
 * ```ts
 * class AddTool {
 *   readonly name = "add";
 *   readonly description = "Adds two numbers";
 *   readonly schema = z.object({ a: z.number(), b: z.number() });
 *   async execute({ a, b }: { a: number; b: number }) {
 *     return a + b;
 *   }
 * }
 * const setup = fromToolClasses(AddTool);
 * ```
 *
 * @throws TypeError for what is no such class.
 */
export function fromToolClasses(...classes: readonly ToolClass[]): (mcp: ToolServer) => void {
  if (classes.length === 0) {
    throw optionError("fromToolClasses", "got no class", "Write fromToolClasses(AddTool, …).");
  }
  // Made once beforehand, so that a wrong one is found when the server is built.
  checkNames(classes.map(makeTool));
  return (mcp) => classes.forEach((ToolClass, index) => register(mcp, makeTool(ToolClass, index)));
}

function checkNames(tools: readonly ToolInstance[]): void {
  tools.forEach(({ name }, index) => {
    const first = tools.findIndex((tool) => tool.name === name);
    if (first === index) return;
    throw optionError(
      `fromToolClasses[${index}].name`,
      `is that of fromToolClasses[${first}] as well`,
      "Give each tool a name of its own.",
    );
  });
}

function makeTool(ToolClass: ToolClass, index: number): FrameworkTool {
  const option = `fromToolClasses[${index}]`;
  if (typeof ToolClass !== "function") {
    throw optionError(option, "is no class", "Write the class itself: fromToolClasses(AddTool).");
  }
  const tool: FrameworkTool = new ToolClass();
  checkText(`${option}.name`, tool.name);
  if (typeof tool.execute !== "function") {
    throw optionError(option, "has no execute()", "Write a class with name, schema and execute().");
  }
  if (tool.app !== undefined) {
    throw optionError(`${option}.app`, "is not supported", "Register it in setup, with the SDK.");
  }
  checkSchema(`${option}.schema`, tool.schema);
  return tool;
}

function checkSchema(option: string, schema: unknown = {}): void {
  const instead = "Write z.object({ … }), or { field: { type: z.string(), description } }.";
  if (typeof schema !== "object" || schema === null) {
    throw optionError(option, "is no schema", instead);
  }
  if ("safeParse" in schema) return;
  for (const [key, field] of Object.entries(schema as Record<string, unknown>)) {
    const { type } = (field ?? {}) as { type?: { describe?: unknown } };
    if (typeof type?.describe === "function") continue;
    throw optionError(`${option}.${key}`, "has no type of zod's", instead);
  }
}

function register(mcp: ToolServer, tool: FrameworkTool): void {
  const { name, title, description, annotations, outputSchemaShape } = tool;
  tool.injectServer?.(mcp.server);
  const config = {
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(annotations !== undefined && { annotations }),
    ...(outputSchemaShape !== undefined && { outputSchema: outputSchemaShape }),
    inputSchema: inputSchemaOf(tool),
  };
  const handler = async (input: unknown, extra: CallExtra): Promise<object> => {
    tool.setAbortSignal?.(extra.signal);
    tool.setProgressToken?.(extra._meta?.progressToken);
    return answerOf(tool, await tool.execute(input, extra));
  };
  mcp.registerTool(name, config as never, handler as never);
}

/** The schema as the SDK takes it. */
function inputSchemaOf({ schema = {} }: ToolInstance): object {
  if ("safeParse" in schema) return schema;
  const fields = Object.entries(schema as Readonly<Record<string, OlderField>>);
  return Object.fromEntries(
    fields.map(([key, { type, description = "" }]) => [key, type.describe(description)]),
  );
}

/** A field of the older form of a schema; its type is one of zod's. */
interface OlderField {
  readonly type: { describe(description: string): unknown };
  readonly description?: string;
}

/** What a tool returned, as the framework would answer it. */
function answerOf({ useStringify, outputSchemaShape }: ToolInstance, result: unknown): object {
  const content = [result].flat().filter(isContent);
  const isPlain = typeof result === "object" && result !== null && !Array.isArray(result);
  const structured = outputSchemaShape !== undefined && isPlain && content.length === 0;
  const text =
    typeof result === "string" && useStringify !== true ? result : textOf(result, useStringify);
  return {
    content: content.length > 0 ? content : [{ type: "text", text }],
    ...(structured && { structuredContent: result }),
  };
}

function textOf(result: unknown, useStringify: boolean | undefined): string {
  if (useStringify === false) return String(result);
  // JSON has no word for some values, such as `undefined`.
  const json: unknown = JSON.stringify(result);
  return typeof json === "string" ? json : "";
}

const CONTENT_TYPES: ReadonlySet<unknown> = new Set([
  "text",
  "image",
  "audio",
  "resource",
  "resource_link",
]);

function isContent(item: unknown): boolean {
  return (
    typeof item === "object" &&
    item !== null &&
    CONTENT_TYPES.has((item as { type?: unknown }).type)
  );
}
