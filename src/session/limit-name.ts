/** A limit, by the option that sets it, without what stands before its last dot. */
export type LimitName =
  // of the number of sessions
  | "maxSessions"
  | "maxSessionsPerPrincipal"
  | "maxUninitialized"
  // of a session's time
  | "initTimeoutMs"
  | "idleMs"
  | "streamlessIdleMs"
  | "lifetimeMs"
  // of what waits for a client
  | "stallMs"
  | "maxQueuedBytes"
  | "maxBufferedBytes"
  // of what is held for everybody, and for one principal
  | "maxHeldBytes"
  | "maxHeldBytesPerPrincipal"
  // of one message
  | "bodyTimeoutMs"
  | "maxMessageSize"
  | "maxHeaderSize"
  // of what somebody does at a time
  | "maxInFlight"
  | "maxCallsPerPrincipal"
  | "maxSubscriptionsPerPrincipal"
  | "throttle";
