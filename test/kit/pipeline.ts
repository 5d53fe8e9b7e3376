import { assemble } from "../../src/express/assemble.js";
import { pathOf } from "../../src/http/mount.js";
import { Pipeline } from "../../src/http/pipeline.js";
import { notFound } from "../../src/http/refused-caller.js";
import { Shutdown } from "../../src/http/shutdown.js";
import { SourceGuard } from "../../src/http/source-guard.js";
import type { Transport } from "../../src/http/transport.js";
import { SseEndpoint } from "../../src/sse/sse-endpoint.js";
import { onDispose } from "./clean-up.js";
import { listen } from "./listen.js";
import { JWT_AUTH } from "./serve.js";
import { createToolServer } from "./tools.js";

/** What a pipeline is served with beside HTTP+SSE. */
export interface ServedPipeline {
  /** Transports that come after it. */
  readonly others?: readonly Transport[];
  /** Default: true. */
  readonly hasFastPath?: boolean;
}

/** Serves HTTP+SSE, and after it other transports, by one pipeline on `node:http`. */
export async function servePipeline({ others = [], hasFastPath = true }: ServedPipeline) {
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const logger = { debug: log, info: log, warn: log, error: log };
  const createServer = () => createToolServer();
  const given = { auth: JWT_AUTH, logger, createServer };
  const assembly = assemble(given, { path: "options", hasFastPath: false });
  const parts = {
    ...assembly,
    elsewhere: undefined,
    keeper: undefined,
    returning: undefined,
    places: undefined,
    gate: undefined,
    shutdown: new Shutdown(),
    createServer,
  };
  const sse = new SseEndpoint({ ...parts, hasFastPath });
  const transports = [sse, ...others];
  const sources = new SourceGuard(parts.options, parts.callers.methods, transports);
  const pipeline = new Pipeline({
    ...parts,
    sources,
    transports,
  });
  /** Requests that the fast path left to others. */
  const routed: string[] = [];
  const { url, port } = await listen((req, res) =>
    pipeline.answerFast(
      req,
      res,
      () => {
        routed.push(`${req.method} ${pathOf(req)}`);
        const target = pipeline.find(pathOf(req));
        if (target === undefined) parts.refusals.refuse({ req, res }, notFound());
        else void pipeline.answer(req, res, target);
      },
      undefined,
    ),
  );
  onDispose(() => pipeline.close(0));
  return { url, port, sseUrl: `${url}/sse`, lines, routed };
}
