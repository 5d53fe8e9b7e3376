/** Something that breaks, and is whole again. */
export interface Outage {
  /** Breaks it; every use fails from when this has resolved. */
  begin(): void | Promise<void>;
  /** Mends it; every use succeeds soon after this has resolved. Also called when the check has failed. */
  end(): void | Promise<void>;
}
