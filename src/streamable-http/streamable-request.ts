import type { AdmittedRequest } from "../http/incoming-request.js";
import { SessionRequest } from "../http/session-request.js";
import type { ResolvedOptions } from "../options/resolve.js";

/** A request of Streamable HTTP. */
export class StreamableRequest extends SessionRequest {
  readonly restoredId: string | undefined;

  /**
   * @param endpoint the path below the mount that was asked for.
   * @param options with the bounds of the session.
   * @param restoredId of the session that it has restored. Default: it opens a new one.
   */
  constructor(
    admitted: AdmittedRequest,
    endpoint: string,
    options: Pick<ResolvedOptions, "endsWithCredential" | "limits">,
    restoredId?: string,
  ) {
    super(admitted, `${admitted.mount.base}${endpoint}`, options);
    this.restoredId = restoredId;
  }
}
