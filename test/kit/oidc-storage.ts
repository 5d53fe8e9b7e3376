/** What oidc-provider stores. */
interface Payload {
  readonly uid?: string;
  readonly grantId?: string;
  consumed?: number;
}

/** As much of an adapter as its tokens, grants, sessions and clients need. */
interface Adapter {
  upsert(id: string, payload: Payload): Promise<void>;
  find(id: string): Promise<Payload | undefined>;
  findByUid(uid: string): Promise<Payload | undefined>;
  consume(id: string): Promise<void>;
  destroy(id: string): Promise<void>;
  revokeByGrantId(grantId: string): Promise<void>;
}

/** A factory of adapters that share one memory, so that it outlives a provider. */
export function createOidcStorage(): (model: string) => Adapter {
  const stored = new Map<string, Payload>();
  return (model) => {
    const key = (id: string): string => `${model}:${id}`;
    return {
      upsert: async (id, payload) => void stored.set(key(id), payload),
      find: async (id) => stored.get(key(id)),
      findByUid: async (uid) =>
        [...stored].find(([name, each]) => name.startsWith(key("")) && each.uid === uid)?.[1],
      consume: async (id) => {
        const payload = stored.get(key(id));
        if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000);
      },
      destroy: async (id) => void stored.delete(key(id)),
      revokeByGrantId: async (grantId) => {
        for (const [name, each] of stored) if (each.grantId === grantId) stored.delete(name);
      },
    };
  };
}
