import { checkNumber, checkOptionNames, checkText, optionError } from "./errors.js";
import { DEFAULT_MAX_HEADER_BYTES } from "./http-listener.js";
import type { SseServerOptions } from "./options.js";
import { checkPath, checkSize, SERVER_OPTION_NAMES } from "./resolve-options.js";
import { isLoopbackAddress } from "./wire/origin.js";

const PATH = "transport.options";

/** What `MCPServer` itself makes of its options; the rest is the router's. */
export interface ListenerOptions {
  readonly port: number;
  readonly host: string;
  /** Path of the health check; `undefined` for none. */
  readonly health: string | undefined;
  readonly maxHeaderBytes: number;
  /** Whether the POSTs of known sessions are answered before Express. */
  readonly ahead: boolean;
}

/**
 * Checks and completes what only `MCPServer` takes.
 *
 * @throws TypeError that names the option and says what to write instead.
 */
export function resolveServerOptions(options: object): ListenerOptions {
  checkOptionNames(PATH, options, SERVER_OPTION_NAMES);
  const { auth, host = "127.0.0.1", port, maxHeaderSize } = options as SseServerOptions;
  // Written but undefined, as with a setting that was not found, is no decision to be open.
  if ("auth" in options && auth === undefined) checkText(`${PATH}.auth`, auth);
  const resolved: ListenerOptions = {
    port: checkNumber(`${PATH}.port`, port, 8080, { min: 0, max: 65_535 }),
    host: checkText(`${PATH}.host`, host),
    health: checkHealth(options),
    maxHeaderBytes: checkSize(`${PATH}.maxHeaderSize`, maxHeaderSize, DEFAULT_MAX_HEADER_BYTES),
    ahead: checkAhead((options as SseServerOptions).ahead),
  };
  if (auth === undefined && host !== "localhost" && !isLoopbackAddress(host)) {
    throw optionError(
      `${PATH}.auth`,
      `is missing, and other machines can reach ${host}`,
      "Say who may call, or write auth: false to let everybody in.",
    );
  }
  return resolved;
}

/** A health check on one of the endpoints' paths would answer in their place, to everybody. */
function checkHealth({
  health,
  endpoint = "/sse",
  messageEndpoint = "/messages",
}: SseServerOptions): string | undefined {
  if (health === false) return undefined;
  const path = checkPath(`${PATH}.health`, health, "/health");
  if (path !== endpoint && path !== messageEndpoint) return path;
  throw optionError(`${PATH}.health`, "is the path of an endpoint", "Give it a path of its own.");
}

function checkAhead(value: unknown = true): boolean {
  if (typeof value === "boolean") return value;
  throw optionError(`${PATH}.ahead`, "must be true or false", "The default is true.");
}
