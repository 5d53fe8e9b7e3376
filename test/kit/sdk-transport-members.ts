import type {
  Transport as TransportV1,
  TransportSendOptions as SendOptionsV1,
} from "@modelcontextprotocol/sdk/shared/transport.js";
import type { MessageExtraInfo as MessageExtraV1 } from "@modelcontextprotocol/sdk/types.js";
import type {
  MessageExtraInfo as MessageExtraV2,
  Transport as TransportV2,
  TransportSendOptions as SendOptionsV2,
} from "@modelcontextprotocol/server";

type Member =
  | keyof (TransportV1 & TransportV2)
  | keyof (SendOptionsV1 & SendOptionsV2)
  | keyof (MessageExtraV1 & MessageExtraV2);

/** All that an SDK server may look for in a transport. One that a new SDK adds is missing here, and does not compile. */
const MEMBERS: Record<Member, true> = {
  start: true,
  send: true,
  close: true,
  onclose: true,
  onerror: true,
  onmessage: true,
  sessionId: true,
  setProtocolVersion: true,
  setSupportedProtocolVersions: true,
  hasPerRequestStream: true,
  relatedRequestId: true,
  resumptionToken: true,
  onresumptiontoken: true,
  requestSignal: true,
  onRequestStreamEnd: true,
  headers: true,
  authInfo: true,
  requestInfo: true,
  request: true,
  classification: true,
  closeSSEStream: true,
  closeStandaloneSSEStream: true,
};

export const SDK_TRANSPORT_MEMBERS = Object.keys(MEMBERS);
