import type { IncomingMessage, ServerResponse } from "node:http";
import { listen } from "./listen.js";
import { openSession } from "./raw-sse.js";
import type { RawStream } from "./raw-sse.js";

/** What the SDK's class and ours have in common. */
export interface SseTransport {
  readonly sessionId: string;
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each class has its own type of message
  onmessage?: ((message: any, extra?: any) => void) | undefined;
  start(): Promise<void>;
  close(): Promise<void>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
  send(message: any): Promise<void>;
  handleMessage(message: unknown, extra?: object): Promise<void>;
  handlePostMessage(req: IncomingMessage, res: ServerResponse, body?: unknown): Promise<void>;
}

export interface ProtectionOptions {
  allowedHosts?: string[];
  allowedOrigins?: string[];
  enableDnsRebindingProtection?: boolean;
}

export type TransportClass = new (
  endpoint: string,
  res: ServerResponse,
  options?: ProtectionOptions,
) => SseTransport;

export interface HostOptions {
  endpoint?: string;
  options?: ProtectionOptions;
  /** What handlePostMessage gets as `parsedBody`. */
  parsedBody?: unknown;
  /** Runs before the transport is started. */
  prepare?: (transport: SseTransport) => void;
}

/** One started transport on plain node:http, everything that it says, and a client. */
export interface Hosted {
  transport: SseTransport;
  /** The response that carries the stream. */
  res: ServerResponse;
  stream: RawStream;
  endpoint: string;
  postUrl: string;
  messages: { message: Record<string, unknown>; extra: Record<string, unknown> }[];
  errors: Error[];
  /** What handlePostMessage threw. */
  thrown: Error[];
  /** How often onclose was called. */
  closes: () => number;
  /** Resolves with the first call of onclose. */
  closed: Promise<void>;
}

/** Serves one session with a class. */
export async function host(Transport: TransportClass, how: HostOptions = {}): Promise<Hosted> {
  const { endpoint = "/messages", options, parsedBody, prepare } = how;
  const seen: Pick<Hosted, "messages" | "errors" | "thrown"> = {
    messages: [],
    errors: [],
    thrown: [],
  };
  let side: Pick<Hosted, "transport" | "res"> | undefined;
  let closes = 0;
  let tellClosed: () => void;
  const closed = new Promise<void>((resolve) => (tellClosed = resolve));
  const { url } = await listen((req, res) => {
    if (req.method === "GET") {
      const transport = new Transport(endpoint, res, options);
      side = { transport, res };
      transport.onclose = () => {
        closes++;
        tellClosed();
      };
      transport.onerror = (error) => void seen.errors.push(error);
      transport.onmessage = (message, extra) => void seen.messages.push({ message, extra });
      prepare?.(transport);
      void transport.start();
    } else {
      side!.transport.handlePostMessage(req, res, parsedBody).catch((error: unknown) => {
        seen.thrown.push(error as Error);
        if (!res.writableEnded) res.end();
      });
    }
  });
  const opened = await openSession(`${url}/sse`);
  return { ...side!, ...opened, ...seen, closes: () => closes, closed };
}
