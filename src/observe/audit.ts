import { errorName } from "../shared/log-text.js";
import type { Logger } from "../shared/logger.js";
import { isThenable } from "../shared/thenable.js";
import type { Audit } from "../options/audit-event.js";
import { TELLERS } from "./audit-tellers.js";
import type { AuditedName, Teller, Told } from "./audit-tellers.js";
import type { FactHub } from "./fact-hub.js";
import { SparingLog } from "./sparing-log.js";

/** Has everything that is done told to the application, for a trail of its own. */
export function auditTo(audit: Audit, hub: FactHub, router: string, logger: Logger): void {
  const log = new SparingLog(logger);
  const failed = (error: unknown): void => {
    // Its message may have of the event what a log is not to have.
    log.error("audit", `audit failed, and an event is lost: ${errorName(error)}`);
  };
  const tell = (told: Told | undefined): void => {
    if (told === undefined) return;
    try {
      const telling = audit({ time: new Date().toISOString(), router, ...told });
      if (isThenable(telling)) telling.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  };
  for (const name of Object.keys(TELLERS) as AuditedName[]) listen(hub, name, tell);
}

function listen(hub: FactHub, name: AuditedName, tell: (told: Told | undefined) => void): void {
  // One teller for each name, which the compiler does not follow through a union.
  const teller = TELLERS[name] as Teller<typeof name>;
  hub.on(name, (fact) => tell(teller(fact)));
}
