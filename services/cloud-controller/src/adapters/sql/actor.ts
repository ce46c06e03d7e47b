import { AsyncLocalStorage } from 'node:async_hooks';

/** Who asked for a change. */
export interface Actor {
  readonly guid: string;
  readonly type: 'user' | 'process' | 'system';
  readonly name: string;
}

const system: Actor = { guid: 'system', type: 'system', name: 'system' };
const current = new AsyncLocalStorage<Actor>();

/** Everything that `work` and what follows from it changes is this actor's doing. */
export function runAs<T>(actor: Actor, work: () => T): T {
  return current.run(actor, work);
}

/** Who the running request belongs to; the system itself outside of requests. */
export function currentActor(): Actor {
  return current.getStore() ?? system;
}
