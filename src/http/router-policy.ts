import type { ClusterConfig } from "../cluster/cluster-config.js";
import { counterOfAll } from "../cluster/counter-of-all.js";
import { SparingLog } from "../observe/sparing-log.js";
import { compilePolicy } from "../policy/compile-policy.js";
import type { Policy } from "../policy/policy.js";
import type { PolicySettings } from "../policy/policy-settings.js";
import type { Logger } from "../shared/logger.js";

/** What a router's policy needs of its options. */
export interface PolicyContext {
  readonly policy: PolicySettings | undefined;
  readonly logger: Logger;
  readonly cluster: ClusterConfig | undefined;
}

/** The policy of a router, if its operator has one. What a rule cannot say, the log tells, and not each time. */
export function createPolicy({ policy, logger, cluster }: PolicyContext): Policy | undefined {
  if (policy === undefined) return undefined;
  const faults = new SparingLog(logger);
  return compilePolicy(policy, {
    onFault: (rule, cause) =>
      faults.warn(rule, `${rule} could not be asked, so nothing was permitted: ${String(cause)}`),
    createCounter: (windowMs) => counterOfAll("rule", windowMs, cluster),
  });
}
