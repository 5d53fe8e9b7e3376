/** Something that breaks, and is whole again. */
export interface Outage {
  begin(): void | Promise<void>;
  end(): void | Promise<void>;
}
