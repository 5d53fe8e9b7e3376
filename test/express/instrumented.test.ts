import type express from "express";
import type { createSseRouter } from "../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { converse } from "../kit/conversation.js";
import { createToolServer } from "../kit/tools.js";
import { listen } from "../kit/listen.js";
import { AUDIENCE, fakeIssuer, oauthFor, tokenOf } from "../kit/resource-server.js";
import { bearer } from "../kit/tokens.js";
import { send } from "../kit/raw-http.js";

cleanUpAfterEach();

type Express = typeof express;

interface Layer {
  handle: (...args: unknown[]) => unknown;
}

interface LayerClass {
  prototype: Layer & { __handle?: Layer["handle"] };
}

/** OpenTelemetry's own instrumentation, as it patches the module when that is loaded. */
function instrument(express: Express): void {
  const { ExpressInstrumentation } = jest.requireActual<{
    ExpressInstrumentation: new () => {
      getModuleDefinitions(): { patch(module: unknown, version: string): unknown }[];
    };
  }>("@opentelemetry/instrumentation-express");
  const [definition] = new ExpressInstrumentation().getModuleDefinitions();
  definition!.patch(express, "5.0.0");
}

/**
 * What express-async-errors does, whose package does not install beside Express 5: each layer's
 * function is replaced by one of its own that hears of rejections, with the same properties.
 */
function patchLayers(Layer: LayerClass): void {
  Object.defineProperty(Layer.prototype, "handle", {
    enumerable: true,
    get(this: { __handle?: Layer["handle"] }) {
      return this.__handle;
    },
    set(this: { __handle?: Layer["handle"] }, handle: Layer["handle"]) {
      const wrapped = function (this: unknown, ...args: unknown[]): unknown {
        return handle.apply(this, args);
      };
      Object.defineProperty(wrapped, "length", { value: handle.length });
      this.__handle = Object.assign(wrapped, handle);
    },
  });
}

/** Express 5 has its layers in a package of their own. */
function layerClass(): LayerClass {
  const isFour = "query" in jest.requireActual<object>("express");
  return jest.requireActual(isFour ? "express4/lib/router/layer" : "router/lib/layer");
}

describe.each<[string, (express: Express) => void]>([
  ["nothing", () => undefined],
  ["OpenTelemetry's instrumentation", instrument],
  ["express-async-errors", () => patchLayers(layerClass())],
])("with %s in every layer of the app", (_what, patch) => {
  it.each<
    [
      string,
      (express: Express, router: ReturnType<Express["Router"]>) => ReturnType<Express["Router"]>,
    ]
  >([
    ["in the app", (_express, router) => router],
    [
      "in a router of the app",
      (express, router) => {
        const outer = express.Router();
        outer.use("/inner", router);
        return outer;
      },
    ],
  ])(
    "HOST-3, OAUTH-3: every document answers from the beginning, mounted %s",
    async (_where, wrap) => {
      await jest.isolateModulesAsync(async () => {
        const express = jest.requireActual<Express>("express");
        const { createSseRouter: create } = jest.requireActual<{
          createSseRouter: typeof createSseRouter;
        }>("../../src/index.js");
        patch(express);
        const issuer = await fakeIssuer();
        const router = create({ auth: oauthFor(issuer), createServer: () => createToolServer() });
        onDispose(() => router.close({ timeoutMs: 0 }));
        const app = express();
        app.use(router.wellKnown);
        const mounted = wrap(express, router as never);
        app.use("/mcp", mounted);
        app.use("/other", express.Router());
        const { url } = await listen(app);
        const base = mounted === (router as unknown) ? "/mcp" : "/mcp/inner";
        const document = `${url}/.well-known/oauth-protected-resource${base}/sse`;
        expect((await send(document)).json).toMatchObject({ resource: `${url}${base}/sse` });
        expect((await send(document.replace(base, "/other"))).status).toBe(404);
        const token = await tokenOf(issuer, { aud: AUDIENCE });
        const conversation = await converse(`${url}${base}/sse`, bearer(token));
        expect(await conversation.call("echo", { text: "one" })).toBe("one");
      });
    },
  );
});
