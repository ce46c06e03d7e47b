import type { DesiredLrp, Instance, Placement } from '@slipway/contracts';

export type InstancePhase = NonNullable<Instance['phase']>;
export type Crash = NonNullable<Instance['crash']>;

/** What happens to an instance on its cell. */
export type InstanceEvent =
  | { readonly type: 'phase'; readonly phase: InstancePhase }
  | { readonly type: 'addressed'; readonly address: string; readonly ports: readonly number[] }
  /** `ready`: it need not pass a readiness check first. */
  | { readonly type: 'running'; readonly ready: boolean }
  /** Its readiness check says so; routes follow. */
  | { readonly type: 'readiness'; readonly ready: boolean }
  /** Routes may no longer lead to it. */
  | { readonly type: 'withdrawn' }
  | { readonly type: 'stopping' }
  | { readonly type: 'crashed'; readonly crash: Crash };

/** The record of an instance whose placement was just taken up. */
export function claim(placement: Placement, lrp: DesiredLrp, now: number): Instance {
  return {
    v: 1,
    instanceGuid: placement.instanceGuid,
    processGuid: placement.processGuid,
    index: placement.index,
    cellId: placement.cellId,
    state: 'CLAIMED',
    phase: 'claimed',
    since: new Date(now).toISOString(),
    routable: false,
    manifestDigest: lrp.image.manifestDigest,
    appGuid: lrp.app.guid,
    ...(lrp.internalHosts === undefined ? {} : { internalHosts: lrp.internalHosts }),
  };
}

/**
 * CLAIMED (by phases) -> RUNNING -> STOPPING or CRASHED; CRASHED and STOPPING are left only by the record's deletion,
 * but what crashes while it is being stopped was stopped. An event that the state does not allow changes nothing, so
 * that a late one does no harm. `now` is wall-clock milliseconds.
 */
export function transition(instance: Instance, event: InstanceEvent, now: number): Instance {
  const since = new Date(now).toISOString();
  switch (event.type) {
    case 'phase':
      return instance.state === 'CLAIMED' ? { ...instance, phase: event.phase } : instance;
    case 'addressed':
      if (instance.state !== 'CLAIMED') return instance;
      return {
        ...instance,
        address: event.address,
        // Cells register the container's own address, so its ports are the same outside.
        ports: event.ports.map((port) => ({ containerPort: port, hostPort: port })),
      };
    case 'running':
      return instance.state === 'CLAIMED'
        ? { ...withoutPhase(instance), state: 'RUNNING', since, routable: event.ready }
        : instance;
    case 'readiness':
      return instance.state === 'RUNNING'
        ? { ...instance, routable: event.ready, readiness: { ready: event.ready, since } }
        : instance;
    case 'withdrawn':
      return instance.state === 'RUNNING' ? { ...instance, routable: false } : instance;
    case 'stopping':
      return instance.state === 'CLAIMED' || instance.state === 'RUNNING'
        ? { ...withoutPhase(instance), state: 'STOPPING', since, routable: false }
        : instance;
    case 'crashed':
      return instance.state === 'CLAIMED' || instance.state === 'RUNNING'
        ? { ...withoutPhase(instance), state: 'CRASHED', since, routable: false, crash: event.crash }
        : instance;
  }
}

/** With the names that an LRP has now, and the app, which records of before do not name. */
export function named(instance: Instance, lrp: Pick<DesiredLrp, 'app' | 'internalHosts'>): Instance {
  const { internalHosts: _, ...rest } = instance;
  return {
    ...rest,
    appGuid: lrp.app.guid,
    ...(lrp.internalHosts === undefined ? {} : { internalHosts: lrp.internalHosts }),
  };
}

/** Records are plain data made by one schema, so their fields come in one order. */
export function sameRecord(a: Instance, b: Instance): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(instance: Instance): unknown {
  return Object.entries(instance)
    .filter(([, value]) => value !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function withoutPhase(instance: Instance): Instance {
  const { phase: _, ...rest } = instance;
  return rest;
}
