import { Client as Client112 } from "sdk-1.12/client/index.js";
import { SSEClientTransport as Sse112 } from "sdk-1.12/client/sse.js";
import { StreamableHTTPClientTransport as Streamable112 } from "sdk-1.12/client/streamableHttp.js";
import {
  CreateMessageRequestSchema as Sampling112,
  LoggingMessageNotificationSchema as Logging112,
} from "sdk-1.12/types.js";
import { Client as Client120 } from "sdk-1.20/client/index.js";
import { SSEClientTransport as Sse120 } from "sdk-1.20/client/sse.js";
import { StreamableHTTPClientTransport as Streamable120 } from "sdk-1.20/client/streamableHttp.js";
import {
  CreateMessageRequestSchema as Sampling120,
  LoggingMessageNotificationSchema as Logging120,
} from "sdk-1.20/types.js";
import { Client as Client125 } from "sdk-1.25/client/index.js";
import { SSEClientTransport as Sse125 } from "sdk-1.25/client/sse.js";
import { StreamableHTTPClientTransport as Streamable125 } from "sdk-1.25/client/streamableHttp.js";
import {
  CreateMessageRequestSchema as Sampling125,
  LoggingMessageNotificationSchema as Logging125,
} from "sdk-1.25/types.js";
import { kitV1 } from "./sdk-clients.js";

const parts112 = { Client: Client112, sampling: Sampling112, logging: Logging112 };
const parts120 = { Client: Client120, sampling: Sampling120, logging: Logging120 };
const parts125 = { Client: Client125, sampling: Sampling125, logging: Logging125 };

/* eslint-disable @typescript-eslint/no-deprecated -- the transports under test */
export const client112 = kitV1("client 1.12", { ...parts112, Transport: Sse112 });
export const client120 = kitV1("client 1.20", { ...parts120, Transport: Sse120 });
export const client125 = kitV1("client 1.25", { ...parts125, Transport: Sse125 });
/* eslint-enable @typescript-eslint/no-deprecated */

export const streamable112 = kitV1("streamable client 1.12", {
  ...parts112,
  Transport: Streamable112,
});
export const streamable120 = kitV1("streamable client 1.20", {
  ...parts120,
  Transport: Streamable120,
});
export const streamable125 = kitV1("streamable client 1.25", {
  ...parts125,
  Transport: Streamable125,
});
