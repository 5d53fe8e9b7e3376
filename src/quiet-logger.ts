import type { Logger } from "./options.js";

/**
 * A logger whose failures harm nobody. It is told things from timers and sockets, where what it
 * throws would end the process.
 */
export function quietLogger(logger: Logger): Logger {
  const at = (level: keyof Logger) => (message: string) => {
    try {
      logger[level](message);
    } catch {
      // There is nobody left to tell.
    }
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
