/**
 * Cause of an `invalid_token` error: what the log says of the credential beside the reason, and its
 * sender is not told. It repeats nothing of it.
 */
export class LogNote {
  constructor(readonly text: string) {}
}
