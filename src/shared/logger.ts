import { stderr } from "node:process";
import { optionError } from "./check.js";
import { logText } from "./log-text.js";

/** Where the package reports what happens: pino, winston and `console` are loggers. Never gets a credential. */
export interface Logger {
  /** What happens all the time: sessions that open and close. */
  debug(message: string): void;
  /** What is as it should be, and of interest: a refusal, a port that is open. */
  info(message: string): void;
  /** What an operator should look at: a setting, somebody who was disconnected. */
  warn(message: string): void;
  /** What went wrong in the application, or in what it depends on. */
  error(message: string): void;
}

const LEVELS: readonly (keyof Logger)[] = ["debug", "info", "warn", "error"];

const nothing = (): void => undefined;

const SILENT: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** Whether nobody reads what is logged. */
export function isSilent(logger: Logger): boolean {
  return logger === SILENT;
}

/** Writes everything but details to the standard error stream; standard output may be the protocol's. */
export const STDERR_LOGGER: Logger = {
  debug: nothing,
  info: (message) => writeLine("info", message),
  warn: (message) => writeLine("warn", message),
  error: (message) => writeLine("error", message),
};

function writeLine(level: string, message: string): void {
  stderr.write(`express-mcp-sse ${level}: ${message}\n`, (error) => {
    // As with `console`: that nobody reads the stream any more must not end the process. For good,
    // because each line that is lost is an error of its own.
    if (error && !stderr.listeners("error").includes(nothing)) stderr.on("error", nothing);
  });
}

/**
 * The logger that an option stands for. Whatever is written to it is one line, whoever's words are
 * in it, and its failures harm nobody: it is told things from timers and sockets, where what it
 * throws would end the process.
 *
 * @throws TypeError for something that is no logger.
 */
export function toLogger(option: string, value: unknown): Logger {
  if (value === undefined || value === false) return SILENT;
  const given = Object(value) as Record<string, unknown>;
  for (const level of LEVELS) {
    if (typeof given[level] !== "function") {
      throw optionError(
        option,
        `has no ${level}()`,
        "Give a pino or winston logger, or console; false for silence.",
      );
    }
  }
  const logger = value as Logger;
  const at = (level: keyof Logger) => (message: string) => {
    try {
      logger[level](logText(message));
    } catch {
      // There is nobody left to tell.
    }
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
