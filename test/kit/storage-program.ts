/** A storage in a process of its own: one call for each message, one message for each answer. */
import { FileStorage } from "../../src/index.js";

const storage = new FileStorage({ path: process.argv[2] ?? "" });

process.on(
  "message",
  ([name, ...args]: ["set" | "add" | "delete" | "get" | "take", ...string[]]) => {
    const call = storage[name].bind(storage) as (...args: string[]) => Promise<unknown>;
    call(...args).then(
      (value) => process.send?.({ value }),
      (error: unknown) => process.send?.({ error: (error as NodeJS.ErrnoException).code }),
    );
  },
);
process.send?.("ready");
