import { DENIED_META, DENIED_RPC_CODE } from "../policy/denied-answer.js";
import { INVALID_PARAMS, METHOD_NOT_FOUND } from "../shared/json-rpc.js";
import { isOfRights } from "./refusal.js";
import type { NotingFetch } from "./refusal.js";
import type { Connection } from "./test-client.js";
import { parseUrl } from "../shared/url.js";

type Fields = Readonly<Record<string, unknown>>;

/** As much of a client of either major as asks who may do what. */
interface ListingClient {
  getServerCapabilities(): Fields | undefined;
  listTools(params: Fields): Promise<Fields>;
  listResources(params: Fields): Promise<Fields>;
  listResourceTemplates(params: Fields): Promise<Fields>;
  listPrompts(params: Fields): Promise<Fields>;
  callTool(params: Fields): Promise<Fields>;
  readResource(params: Fields): Promise<Fields>;
}

/** A list request: where its entries are, and which of their members names them. */
const LISTS = {
  tools: ["listTools", "tools", "name"],
  resources: ["listResources", "resources", "uri"],
  templates: ["listResourceTemplates", "resourceTemplates", "uriTemplate"],
  prompts: ["listPrompts", "prompts", "name"],
} as const;

/** More are those of a server that never comes to an end. */
const MAX_PAGES = 1_000;

/** Asks, as one caller, what there is and what is permitted. */
export class AskingClient {
  readonly #client: ListingClient;
  readonly #noting: NotingFetch;

  constructor({ client, noting }: Connection) {
    this.#client = client as unknown as ListingClient;
    this.#noting = noting;
  }

  async tools(): Promise<readonly string[]> {
    return await this.#list("tools", "tools");
  }

  /** URIs, and the templates of URIs. */
  async resources(): Promise<readonly string[]> {
    const uris = await this.#list("resources", "resources");
    return [...uris, ...(await this.#list("resources", "templates"))];
  }

  async prompts(): Promise<readonly string[]> {
    return await this.#list("prompts", "prompts");
  }

  /** Calls a tool for real. @returns whether that was permitted; a tool that failed was called. */
  async mayCall(name: string, args: Fields): Promise<boolean> {
    return await this.#isPermitted(name, () =>
      this.#client.callTool({ name, arguments: { ...args } }),
    );
  }

  /** Reads a resource for real. @returns whether that was permitted. */
  async mayRead(uri: string): Promise<boolean> {
    return await this.#isPermitted(uri, () => this.#client.readResource({ uri }));
  }

  async #list(capability: string, list: keyof typeof LISTS): Promise<readonly string[]> {
    if (this.#client.getServerCapabilities()?.[capability] === undefined) return [];
    const [method, member, name] = LISTS[list];
    const names: unknown[] = [];
    let cursor: unknown;
    for (let page = 0; page < MAX_PAGES; page++) {
      const result = await this.#page(method, cursor === undefined ? {} : { cursor });
      const entries = (result[member] ?? []) as readonly Fields[];
      names.push(...entries.map((entry) => entry[name]));
      cursor = result["nextCursor"];
      if (cursor === undefined) return names.map(String);
    }
    throw new Error(`${method} has more than ${MAX_PAGES} pages.`);
  }

  /** A list that is denied, or that the server does not have, is empty. */
  async #page(method: (typeof LISTS)[keyof typeof LISTS][0], params: Fields): Promise<Fields> {
    this.#noting.refusal = undefined;
    try {
      return await this.#client[method](params);
    } catch (error) {
      if (this.#isDenial(error) || codeOf(error) === METHOD_NOT_FOUND) return {};
      throw error;
    }
  }

  async #isPermitted(name: string, ask: () => Promise<Fields>): Promise<boolean> {
    this.#noting.refusal = undefined;
    try {
      return isPermitting(name, await ask());
    } catch (error) {
      if (this.#isDenial(error) || isUnknown(name, error)) return false;
      throw new Error(`Whether "${name}" is permitted cannot be told: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** An answer of JSON-RPC says what it is by itself: a 403 that was noted beside it was another request's. */
  #isDenial(error: unknown): boolean {
    const code = codeOf(error);
    if (code === DENIED_RPC_CODE) return isFinal(dataOf(error)["code"]);
    if (typeof code === "number" && code < 0) return false;
    const { refusal } = this.#noting;
    return refusal?.status === 403 && isOfRights(refusal);
  }
}

/** Whether a denial is one of rights, and not of this moment. */
function isFinal(code: unknown): boolean {
  return code === "insufficient_scope" || code === "forbidden";
}

/** @throws Error for a denial that says nothing of rights. */
function isPermitting(name: string, { isError, content, _meta: meta }: Fields): boolean {
  if (isError !== true) return true;
  const denied = ((meta ?? {}) as Fields)[DENIED_META] as Fields | undefined;
  const text = textIn(content);
  if (denied === undefined) return !saysUnknown(name, text);
  if (isFinal(denied["error"])) return false;
  throw new Error(text);
}

function isUnknown(name: string, error: unknown): boolean {
  return codeOf(error) === INVALID_PARAMS && saysUnknown(name, messageOf(error));
}

/**
 * Whether a text is what servers of both majors say of a tool, or a resource, that does not exist; so concealed ones are.
 *
 * Security decision: the whole text. A tool that ran may say that something was not found, too, and is open all the same.
 */
function saysUnknown(name: string, text: string): boolean {
  const said = text.replace(/^(?:MCP error -?\d+: )+/, "");
  const names = [name, parseUrl(name)?.href ?? name];
  return names.some((each) =>
    [
      `Tool ${each} not found`,
      `Unknown tool: ${each}`,
      `Resource ${each} not found`,
      `Resource not found: ${each}`,
    ].includes(said),
  );
}

function textIn(content: unknown): string {
  const parts = Array.isArray(content) ? (content as readonly Fields[]) : [];
  return parts.map(({ text }) => (typeof text === "string" ? text : "")).join(" ");
}

function codeOf(error: unknown): unknown {
  return (error as Fields)["code"];
}

function dataOf(error: unknown): Fields {
  return ((error as Fields)["data"] ?? {}) as Fields;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
