import { createMcpRouter } from "../../src/index.js";

/** Never called: options are looked at before anybody connects. */
const createServer = (): undefined => undefined;

/** An option such as `advanced.probeMs`, as an object of options. */
function written(option: string, value: unknown): object {
  const [name, inner] = option.split(".") as [string, string?];
  return { [name]: inner === undefined ? value : { [inner]: value } };
}

describe("the options of createMcpRouter", () => {
  const create = (options: object) =>
    createMcpRouter({ auth: false, createServer, ...options } as never);

  it.each<[option: string, value: unknown]>([
    ["messageEndpoint", "/messages"],
    ["advanced.probeMs", 1],
    ["advanced.closeLostClients", false],
    ["resume.probeMs", 1],
    ["resume.closeLostClients", false],
  ])("takes no %s, which is for HTTP+SSE, where that is off", (option, value) => {
    const options = written(option, value);
    expect(() => create(options)).not.toThrow();
    expect(() => create({ ...options, sse: false })).toThrow(
      `options.${option} has no meaning with sse: false. Leave it out`,
    );
  });

  it("takes revalidateAfterMs, which counts on every wire, where HTTP+SSE is off", () => {
    const options = written("advanced.revalidateAfterMs", 0);
    expect(() => create({ ...options, sse: false })).not.toThrow();
  });

  it.each<[option: string, value: unknown]>([
    ["mayHear", () => true],
    ["maxCallsPerPrincipal", 0],
    ["maxSubscriptionsPerPrincipal", 0],
  ])("takes no streamable.%s, which is for 2026-07-28, where that is off", (option, value) => {
    expect(() => create({ streamable: { [option]: value } })).not.toThrow();
    expect(() => create({ streamable: { [option]: value, modern: false } })).toThrow(
      `options.streamable.${option} has no meaning with modern: false. Leave it out`,
    );
  });

  it("takes no streamable.sseAfterMs where no call is answered by a stream", () => {
    expect(() => create({ streamable: { sseAfterMs: 5, responses: "json" } })).toThrow(
      'options.streamable.sseAfterMs has no meaning with responses: "json". Leave it out',
    );
  });

  it("leaves the path of messages free where there is none", () => {
    expect(() => create({ endpoint: "/messages" })).toThrow("equals endpoint");
    expect(() => create({ endpoint: "/messages", sse: false })).not.toThrow();
  });
});
