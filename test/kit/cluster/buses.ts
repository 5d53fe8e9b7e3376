import { SealedBus } from "../../../src/cluster/bus.js";
import type { Exchange, Frame } from "../../../src/cluster/cluster-bus.js";
import type { ClusterClock } from "../../../src/cluster/cluster-clock.js";
import type { ClusterConfig } from "../../../src/cluster/cluster-config.js";
import type { ClusterEngine } from "../../../src/cluster/engine.js";
import { memoryCluster } from "../../../src/cluster/memory.js";
import { toLogger } from "../../../src/shared/logger.js";
import { onDispose } from "../clean-up.js";
import { withFaults } from "./faulty-engine.js";
import type { EngineFaults } from "./faulty-engine.js";

export const SECRET = "a secret of a cluster that is long enough";

/** A bus, the switches of its engine, a clock that can jump, and what it logged. */
export interface TestBus {
  readonly bus: SealedBus;
  readonly faults: EngineFaults;
  readonly clock: JumpingClock;
  readonly lines: string[];
  /** Goes without a word, as a process that is killed. */
  kill(): Promise<void>;
  /** Is not heard by anybody, until what is returned is called: a subscription that is made again. */
  cutSubscription(): Promise<() => Promise<void>>;
}

/** The machine's clocks, and what they are ahead. */
export class JumpingClock implements ClusterClock {
  aheadMs = 0;
  steady = () => performance.now() + this.aheadMs;
  date = () => Date.now() + this.aheadMs;
}

/** A cluster of one process whose messages are sealed. */
export function sealedCluster(leaseMs = 15_000): ClusterConfig {
  return memoryCluster({ secret: SECRET, leaseMs });
}

/** A bus that is not started. It is stopped after the test. */
export function makeBus(cluster: ClusterConfig = sealedCluster()): TestBus {
  const { cluster: config, faults } = withFaults(cluster);
  const lines: string[] = [];
  const keep = (line: string) => void lines.push(line);
  const logger = toLogger("logger", { debug: keep, info: keep, warn: keep, error: keep });
  const clock = new JumpingClock();
  const engine = config.createEngine();
  const bus = new SealedBus({ engine, config, logger, clock });
  const kill = async () => {
    faults.isAway = true;
    await engine.leave();
  };
  let joined: Parameters<ClusterEngine["join"]> | undefined;
  const join = engine.join.bind(engine);
  engine.join = (...args) => join(...(joined = args));
  const cutSubscription = async () => {
    await engine.leave();
    return () => join(...joined!);
  };
  onDispose(() => bus.stop(0));
  return { bus, faults, clock, lines, kill, cutSubscription };
}

/** A bus that is up. */
export async function startBus(cluster?: ClusterConfig): Promise<TestBus> {
  const made = makeBus(cluster);
  made.bus.start();
  await made.bus.whenUp(60_000);
  return made;
}

/** What one side of an exchange has heard, and a way to wait for more. */
export class Heard {
  readonly frames: Frame[] = [];
  ended = false;
  lost: { readonly mayBeHeard: boolean } | undefined;
  #changed: () => void = () => undefined;

  constructor(readonly exchange: Exchange) {
    exchange.onFrame = (frame) => {
      this.frames.push(frame);
      this.#changed();
    };
    exchange.onEnd = () => {
      this.ended = true;
      this.#changed();
    };
    exchange.onLost = (loss) => {
      if (this.lost !== undefined) throw new Error("lost twice");
      this.lost = loss;
      this.#changed();
    };
  }

  async until(isSo: (heard: this) => boolean): Promise<this> {
    while (!isSo(this)) await new Promise<void>((resolve) => (this.#changed = resolve));
    return this;
  }

  async whenLost(): Promise<{ readonly mayBeHeard: boolean }> {
    await this.until(({ lost }) => lost !== undefined);
    return this.lost!;
  }
}
