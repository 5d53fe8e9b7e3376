/** A ping, as an event without an id: it is no part of the conversation. */
export function pingFrame(id: string): string {
  return `event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", id, method: "ping" })}\n\n`;
}
