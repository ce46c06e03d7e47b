import { type CellPresence, type Instance, keys, type Placement } from '@slipway/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cell, crashedOf, instanceOf, lrp, Model } from './model.test-support.ts';

const CELLS = ['cell-0', 'cell-1', 'cell-2', 'cell-3'];
const TICK_MS = 1_000;

interface SimulatedCell {
  readonly cellId: string;
  alive: boolean;
  evacuating: boolean;
  /** Ticks until it reconnects. */
  awayFor: number;
  /** Instances that have a container there, by guid. */
  readonly containers: Map<string, Instance>;
}

type Action =
  | { readonly kind: 'scale'; readonly process: number; readonly instances: number }
  | { readonly kind: 'delete'; readonly process: number }
  | { readonly kind: 'crash'; readonly pick: number }
  | { readonly kind: 'kill-cell' | 'revive-cell' | 'evacuate' | 'return'; readonly pick: number }
  | { readonly kind: 'lose-nats' | 'find-nats' | 'lose-store' }
  | { readonly kind: 'wait'; readonly ticks: number };

const process = fc.nat(3);
const pick = fc.nat(100);
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constant('scale' as const), process, instances: fc.nat(5) }),
  fc.record({ kind: fc.constant('delete' as const), process }),
  fc.record({ kind: fc.constant('crash' as const), pick }),
  fc.record({ kind: fc.constantFrom('kill-cell', 'revive-cell', 'evacuate', 'return'), pick }),
  fc.record({ kind: fc.constantFrom('lose-nats', 'find-nats', 'lose-store') }),
  fc.record({ kind: fc.constant('wait' as const), ticks: fc.integer({ min: 1, max: 20 }) }),
);

/** Cells that do what real ones do with placements, over a model of the buckets. */
class Cluster {
  readonly model = new Model({ domainAge: 0, listenedFor: 0 });
  readonly cells: SimulatedCell[] = CELLS.map((cellId) => ({
    cellId,
    alive: true,
    evacuating: false,
    awayFor: 0,
    containers: new Map(),
  }));
  connected = true;
  /** Cloud Controller's own database. */
  readonly #sql = new Map<number, number>();
  #controllerAwayFor = 0;

  act(what: Action): void {
    switch (what.kind) {
      case 'scale':
        this.#desire(what.process, what.instances);
        return;
      case 'delete':
        this.#desire(what.process, undefined);
        return;
      case 'crash': {
        const running = this.cells.flatMap((on) => [...on.containers.values()].map((instance) => ({ on, instance })));
        const victim = running[what.pick % Math.max(running.length, 1)];
        if (victim === undefined || !victim.on.alive) return;
        victim.on.containers.set(victim.instance.instanceGuid, crashedOf(asPlacement(victim.instance)));
        return;
      }
      case 'kill-cell':
        this.#cell(what.pick).alive = false;
        return;
      case 'revive-cell':
        this.#cell(what.pick).alive = true;
        return;
      case 'evacuate':
        this.#cell(what.pick).evacuating = true;
        return;
      case 'return':
        this.#cell(what.pick).evacuating = false;
        return;
      case 'lose-nats':
        this.connected = false;
        this.model.fresh = false;
        this.model.silenceCountsFrom = undefined;
        return;
      case 'find-nats':
        this.#reconnect();
        return;
      case 'lose-store':
        this.#reconnect();
        for (const map of [this.model.desired, this.model.placements, this.model.instances, this.model.cells])
          map.clear();
        this.model.removedPlacements.clear();
        this.model.recovery = {
          bornAt: this.model.now.monotonicMs,
          knownCells: this.cells.filter(({ alive }) => alive).map(({ cellId }) => cellId),
        };
        // Cloud Controller comes back before the cells, and they one after the other: the worst order.
        for (const [i, simulated] of this.cells.entries()) simulated.awayFor = i + 1;
        this.#controllerAwayFor = 1;
        return;
      case 'wait':
        for (let i = 0; i < what.ticks; i++) this.tick();
    }
  }

  /** A second: cells do their work and say so, then the scheduler passes, if there is NATS. */
  tick(): void {
    this.model.pass(TICK_MS);
    if (!this.connected) return;
    if (this.#controllerAwayFor > 0 && --this.#controllerAwayFor === 0) {
      for (const [n, instances] of this.#sql) this.model.desire(lrp(n, { instances }));
    }
    if (this.#controllerAwayFor === 0) this.model.refreshDomain();
    for (const simulated of this.cells) {
      if (simulated.awayFor > 0) simulated.awayFor--;
      else if (simulated.alive) this.#work(simulated);
    }
    this.model.step();
    expect(this.model.decide().changes).toEqual([]);
  }

  get running(): string[] {
    return this.cells.flatMap(({ alive, containers }) =>
      alive ? [...containers.values()].filter(({ state }) => state === 'RUNNING').map(nameOf) : [],
    );
  }

  #desire(n: number, instances: number | undefined): void {
    if (instances === undefined) this.#sql.delete(n);
    else this.#sql.set(n, instances);
    if (this.#controllerAwayFor > 0) return;
    const desired = lrp(n, { instances: instances ?? 0 });
    if (instances === undefined) this.model.desired.delete(keys.desiredLrp(desired.processGuid));
    else this.model.desire(desired);
  }

  #reconnect(): void {
    this.connected = true;
    this.model.fresh = true;
    this.model.silenceCountsFrom = this.model.now.monotonicMs;
  }

  /** As cell-rep decides: a placement is started, what has a deletion marker is stopped, the rest goes on. */
  #work({ cellId, containers, evacuating }: SimulatedCell): void {
    const { model } = this;
    const presence: CellPresence = cell(cellId, { evacuating });
    for (const [guid, instance] of containers) {
      const key = keys.placed(cellId, guid);
      if (model.placements.has(key)) continue;
      if (instance.state === 'CRASHED' || model.removedPlacements.has(key)) containers.delete(guid);
    }
    for (const { value } of model.placements.values()) {
      if (value.kind !== 'placed' || value.cellId !== cellId) continue;
      const before = containers.get(value.instanceGuid);
      if (before === undefined) containers.set(value.instanceGuid, instanceOf(value, { state: 'CLAIMED' }));
      else if (before.state === 'CLAIMED') containers.set(value.instanceGuid, instanceOf(value));
    }
    for (const [key, { value }] of model.instances) {
      if (value.cellId === cellId && !containers.has(value.instanceGuid)) model.instances.delete(key);
    }
    for (const instance of containers.values()) model.report(instance);
    model.present(presence);
  }

  #cell(n: number): SimulatedCell {
    const found = this.cells[n % this.cells.length];
    if (found === undefined) throw new Error('no cells');
    return found;
  }
}

const nameOf = ({ processGuid, index }: Instance): string => `${Number.parseInt(processGuid.slice(0, 8), 16)}/${index}`;

function asPlacement(instance: Instance): Placement {
  return {
    v: 1,
    kind: 'placed',
    processGuid: instance.processGuid,
    index: instance.index,
    instanceGuid: instance.instanceGuid,
    cellId: instance.cellId,
    crashCount: 0,
    placedAt: instance.since,
    memoryMb: 100,
    diskMb: 100,
  };
}

const wanted = (cluster: Cluster): string[] =>
  [...cluster.model.desired.values()]
    .flatMap(({ value }) =>
      'processGuid' in value
        ? Array.from({ length: value.instances }, (_, index) => `${value.app.name.slice(4)}/${index}`)
        : [],
    )
    .toSorted();

test('whatever happens to it, a cluster that is left alone comes to run exactly what is desired', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (history) => {
      const cluster = new Cluster();
      for (const what of history) cluster.act(what);
      for (const simulated of cluster.cells) {
        simulated.alive = true;
        simulated.evacuating = false;
      }
      cluster.act({ kind: 'find-nats' });
      // Crashes, loss and recovery may add up, but no wait is longer than the longest back-off.
      cluster.act({ kind: 'wait', ticks: 60 });
      cluster.model.pass(960_000);
      cluster.act({ kind: 'find-nats' });
      cluster.act({ kind: 'wait', ticks: 60 });
      expect(cluster.running.toSorted()).toEqual(wanted(cluster));
      const placed = [...cluster.model.placements.values()];
      expect(placed.map(({ value }) => value.kind)).toEqual(wanted(cluster).map(() => 'placed'));
    }),
    { numRuns: 150 },
  );
});

const losses = fc.array(
  fc.oneof(
    fc.constant({ kind: 'lose-store' } as const),
    fc.constant({ kind: 'lose-nats' } as const),
    fc.constant({ kind: 'find-nats' } as const),
    fc.record({ kind: fc.constant('wait' as const), ticks: fc.integer({ min: 1, max: 100 }) }),
  ),
  { maxLength: 30 },
);

test('losing NATS, or all that it stored, neither stops nor moves nor doubles anything', () => {
  fc.assert(
    fc.property(losses, (history) => {
      const cluster = new Cluster();
      for (const n of [0, 1, 2]) cluster.act({ kind: 'scale', process: n, instances: 3 });
      cluster.act({ kind: 'wait', ticks: 10 });
      const before = cluster.cells.map(({ containers }) => [...containers.keys()].toSorted());
      expect(cluster.running.toSorted()).toEqual(wanted(cluster));
      for (const what of history) {
        cluster.act(what);
        expect(cluster.cells.map(({ containers }) => [...containers.keys()].toSorted())).toEqual(before);
      }
    }),
    { numRuns: 150 },
  );
});

test('the instances of a lost cell run elsewhere within the time that a cell may be silent and a start takes', () => {
  const cluster = new Cluster();
  cluster.act({ kind: 'scale', process: 1, instances: 4 });
  cluster.act({ kind: 'wait', ticks: 20 });
  cluster.act({ kind: 'kill-cell', pick: 0 });
  expect(cluster.running).toHaveLength(3);
  cluster.act({ kind: 'wait', ticks: 15 });
  expect(cluster.running).toHaveLength(3);
  cluster.act({ kind: 'wait', ticks: 4 });
  expect(cluster.running.toSorted()).toEqual(['1/0', '1/1', '1/2', '1/3']);
});
