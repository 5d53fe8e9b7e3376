import type { MethodObserver } from "../auth/auth-method.js";
import type { FactHub } from "./fact-hub.js";

/** Makes facts of what only a method knows. */
export function observerOf(hub: FactHub, method: string): MethodObserver {
  return {
    upstream: (asked) => {
      if (hub.has("upstream")) hub.emit("upstream", { ...asked, method });
    },
    get hearsSignIns() {
      return hub.has("sign-in");
    },
    signIn: (step) => {
      if (hub.has("sign-in")) hub.emit("sign-in", { ...step, method });
    },
  };
}
