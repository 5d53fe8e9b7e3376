/**
 * By what a client has shown which session it comes back to: the id of its last event, its cookie, its answer to a ping, a
 * GET like its first, or the session's id.
 */
export type ResumeMark = "event-id" | "cookie" | "probe" | "same-request" | "session-id";
