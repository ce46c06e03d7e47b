import type { Instance, Placement } from '@slipway/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Action, type CellKnowledge, decide, type LocalInstance, UNPLACED_GRACE_MS } from './decide.ts';
import { claim } from './instance-state.ts';
import { sampleGuid, sampleInstance, sampleLrp, samplePlacement, sampleProcessGuid } from './samples.test-support.ts';

const lrps = new Map([[sampleProcessGuid(1), sampleLrp()]]);
const calm: CellKnowledge = {
  now: 1_000_000,
  placements: new Map(),
  placementsFresh: true,
  lrps,
  domainFresh: true,
  schedulerActive: true,
  local: new Map(),
  records: new Map(),
  recordsFresh: true,
  missingSince: new Map(),
};

function running(n: number, changes: Partial<LocalInstance> = {}): [string, LocalInstance] {
  return [
    sampleGuid(n),
    {
      record: sampleInstance(n),
      lrp: sampleLrp(),
      contained: true,
      stopping: false,
      placementDeleted: false,
      ...changes,
    },
  ];
}

const placed = (n: number): [string, Placement] => [sampleGuid(n), samplePlacement(n)];
const kinds = (actions: readonly Action[]): string[] => actions.map(({ kind }) => kind);

test('starts what is placed and not here', () => {
  const { actions } = decide({ ...calm, placements: new Map([placed(1)]) });
  expect(actions).toEqual([{ kind: 'start', placement: samplePlacement(1), lrp: sampleLrp() }]);
});

test('waits for the desired LRP of a placement, and for its own records', () => {
  const placements = new Map([placed(1)]);
  expect(decide({ ...calm, placements, lrps: new Map() }).actions).toEqual([]);
  expect(decide({ ...calm, placements, recordsFresh: false }).actions).toEqual([]);
});

test('does not start an instance again that a rep before it reported as crashed', () => {
  const record = sampleInstance(1, { state: 'CRASHED', routable: false });
  const records = new Map([[sampleGuid(1), record]]);
  const { actions } = decide({ ...calm, placements: new Map([placed(1)]), records });
  expect(actions).toEqual([{ kind: 'recall', record }]);
});

test('starts an instance again whose container a reboot took', () => {
  const records = new Map([[sampleGuid(1), sampleInstance(1)]]);
  expect(kinds(decide({ ...calm, placements: new Map([placed(1)]), records }).actions)).toEqual(['start']);
});

test('stops at once what has a delete marker, whatever else is known', () => {
  const known = {
    ...calm,
    placementsFresh: false,
    domainFresh: false,
    schedulerActive: false,
    local: new Map([running(1, { placementDeleted: true })]),
    recordsFresh: false,
  };
  expect(decide(known).actions).toEqual([{ kind: 'stop', instanceGuid: sampleGuid(1), reason: 'placement-deleted' }]);
});

test('keeps an instance whose placement was deleted and then written again', () => {
  const local = new Map([running(1, { placementDeleted: true })]);
  const { actions } = decide({ ...calm, local, placements: new Map([placed(1)]), recordsFresh: false });
  expect(actions).toEqual([]);
});

test('stops what has been unplaced for the grace time, and says when to look again', () => {
  const local = new Map([running(1)]);
  const first = decide({ ...calm, local, recordsFresh: false });
  expect(first.actions).toEqual([]);
  expect(first.lookAgainAt).toBe(calm.now + UNPLACED_GRACE_MS);
  const { missingSince } = first;
  const early = decide({ ...calm, local, recordsFresh: false, missingSince, now: calm.now + UNPLACED_GRACE_MS - 1 });
  expect(early.actions).toEqual([]);
  const due = decide({ ...calm, local, recordsFresh: false, missingSince, now: calm.now + UNPLACED_GRACE_MS });
  expect(due.actions).toEqual([{ kind: 'stop', instanceGuid: sampleGuid(1), reason: 'not-placed' }]);
});

test('the grace time starts anew when the views were not fresh in between', () => {
  const local = new Map([running(1)]);
  const { missingSince } = decide({ ...calm, local });
  const stale = decide({ ...calm, local, missingSince, domainFresh: false, now: calm.now + 30_000 });
  expect(stale.missingSince.size).toBe(0);
  const later = decide({ ...calm, local, missingSince: stale.missingSince, now: calm.now + UNPLACED_GRACE_MS });
  expect(kinds(later.actions)).not.toContain('stop');
});

test('without a scheduler only what is no longer desired goes', () => {
  const known = { ...calm, schedulerActive: false, recordsFresh: false };
  const missingSince = new Map([[sampleGuid(1), calm.now - UNPLACED_GRACE_MS]]);
  const local = new Map([running(1)]);
  expect(decide({ ...known, local, missingSince }).actions).toEqual([]);
  expect(decide({ ...known, local, missingSince, lrps: new Map() }).actions).toEqual([
    { kind: 'stop', instanceGuid: sampleGuid(1), reason: 'no-longer-desired' },
  ]);
  const second = new Map([running(1, { record: sampleInstance(1, { index: 1 }) })]);
  expect(kinds(decide({ ...known, local: second, missingSince }).actions)).toEqual(['stop']);
});

test('takes over changed routes', () => {
  const lrp = sampleLrp({ updatedAt: '2026-01-02T00:00:00.000Z', routes: [] });
  const { actions } = decide({
    ...calm,
    placements: new Map([placed(1)]),
    local: new Map([running(1)]),
    lrps: new Map([[lrp.processGuid, lrp]]),
    records: new Map([[sampleGuid(1), sampleInstance(1)]]),
  });
  expect(actions).toEqual([{ kind: 'update-lrp', instanceGuid: sampleGuid(1), lrp }]);
});

test('takes over what may be reached, as soon as that differs', () => {
  const rules = { egress: [{ protocol: 'all' as const, destinations: ['10.0.0.0/8'] }] };
  const desired = (egress: object): CellKnowledge => ({
    ...calm,
    placements: new Map([placed(1)]),
    local: new Map([running(1, { lrp: { ...sampleLrp(), ...rules } })]),
    lrps: new Map([[sampleLrp().processGuid, { ...sampleLrp(), ...egress }]]),
    records: new Map([[sampleGuid(1), sampleInstance(1)]]),
  });
  expect(kinds(decide(desired(structuredClone(rules))).actions)).toEqual([]);
  expect(kinds(decide(desired({ egress: [] })).actions)).toEqual(['update-lrp']);
  expect(kinds(decide(desired({})).actions)).toEqual(['update-lrp']);
});

test('takes over changed credentials of the image, and restarts nothing for them', () => {
  const before = sampleLrp();
  const lrp = { ...before, image: { ...before.image, credentials: 'sealed-anew' } };
  const known = {
    ...calm,
    placements: new Map([placed(1)]),
    lrps: new Map([[lrp.processGuid, lrp]]),
    records: new Map([[sampleGuid(1), sampleInstance(1)]]),
  };
  const update = { kind: 'update-lrp', instanceGuid: sampleGuid(1), lrp };
  expect(decide({ ...known, local: new Map([running(1)]) }).actions).toEqual([update]);
  expect(decide({ ...known, local: new Map([running(1, { lrp })]) }).actions).toEqual([]);
});

test('publishes what the bucket lacks or has otherwise, and deletes records of nothing', () => {
  const records = new Map([
    [sampleGuid(2), sampleInstance(2, { state: 'STOPPING' })],
    [sampleGuid(3), sampleInstance(3)],
    [sampleGuid(4), sampleInstance(4)],
  ]);
  const known = {
    ...calm,
    placements: new Map([placed(1), placed(2), placed(3)]),
    local: new Map([running(1), running(2), running(3)]),
    records,
  };
  expect(decide(known).actions).toEqual([
    { kind: 'publish', instanceGuid: sampleGuid(1) },
    { kind: 'publish', instanceGuid: sampleGuid(2) },
    { kind: 'delete-record', instanceGuid: sampleGuid(4) },
  ]);
  expect(kinds(decide({ ...known, placementsFresh: false }).actions)).not.toContain('delete-record');
});

test('forgets a crashed instance when the scheduler has dealt with it', () => {
  const record = sampleInstance(1, { state: 'CRASHED' });
  const local = new Map([running(1, { record, contained: false })]);
  const records = new Map([[sampleGuid(1), record]]);
  expect(decide({ ...calm, local, records, placements: new Map([placed(1)]) }).actions).toEqual([]);
  expect(decide({ ...calm, local, records, placementsFresh: false }).actions).toEqual([]);
  expect(decide({ ...calm, local, records }).actions).toEqual([{ kind: 'forget', instanceGuid: sampleGuid(1) }]);
});

const guidNumber = fc.integer({ min: 1, max: 4 });
const state = fc.constantFrom('CLAIMED' as const, 'RUNNING' as const, 'CRASHED' as const, 'STOPPING' as const);
const record = (n: number): fc.Arbitrary<Instance> =>
  fc
    .record({ state, index: fc.integer({ min: 0, max: 2 }), process: guidNumber })
    .map(({ state: s, index, process }) =>
      sampleInstance(n, { state: s, index, processGuid: sampleProcessGuid(process) }),
    );
const mapOf = <T>(value: (n: number) => fc.Arbitrary<T>, key = sampleGuid): fc.Arbitrary<Map<string, T>> =>
  fc
    .tuple(...[1, 2, 3, 4].map((n) => fc.option(value(n), { nil: undefined }).map((v) => [key(n), v] as const)))
    .map((entries) => new Map(entries.filter((e): e is [string, T] => e[1] !== undefined)));
const knowledge: fc.Arbitrary<CellKnowledge> = fc.record({
  now: fc.integer({ min: 200_000, max: 400_000 }),
  placements: mapOf((n) => guidNumber.map((p) => samplePlacement(n, { processGuid: sampleProcessGuid(p) }))),
  placementsFresh: fc.boolean(),
  lrps: mapOf(
    (n) =>
      fc
        .integer({ min: 0, max: 3 })
        .map((instances) =>
          sampleLrp({ processGuid: sampleProcessGuid(n), instances, updatedAt: `2026-01-0${n}T00:00:00.000Z` }),
        ),
    sampleProcessGuid,
  ),
  domainFresh: fc.boolean(),
  schedulerActive: fc.boolean(),
  local: mapOf((n) =>
    fc.record({
      record: record(n),
      lrp: fc.option(fc.constant(sampleLrp()), { nil: undefined }),
      contained: fc.boolean(),
      stopping: fc.boolean(),
      placementDeleted: fc.boolean(),
    }),
  ),
  records: mapOf(record),
  recordsFresh: fc.boolean(),
  missingSince: mapOf(() => fc.integer({ min: 0, max: 200_000 })),
});

test('stops only with proof, and never what is placed', () => {
  fc.assert(
    fc.property(knowledge, (known) => {
      for (const action of decide(known).actions) {
        if (action.kind !== 'stop') continue;
        const local = known.local.get(action.instanceGuid) as LocalInstance;
        expect(known.placements.has(action.instanceGuid)).toBe(false);
        if (local.placementDeleted) continue;
        expect(known.placementsFresh && known.domainFresh).toBe(true);
        const since = known.missingSince.get(action.instanceGuid) ?? known.now;
        expect(known.now - since).toBeGreaterThanOrEqual(UNPLACED_GRACE_MS);
        const lrp = known.lrps.get(local.record.processGuid);
        if (lrp !== undefined && local.record.index < lrp.instances) expect(known.schedulerActive).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('never acts twice on one instance, starts nothing that is here, and deletes no record of what is here', () => {
  fc.assert(
    fc.property(knowledge, (known) => {
      const touched: string[] = [];
      for (const action of decide(known).actions) {
        if (action.kind === 'start') {
          expect(known.local.has(action.placement.instanceGuid)).toBe(false);
          expect(known.records.get(action.placement.instanceGuid)?.state).not.toBe('CRASHED');
          touched.push(action.placement.instanceGuid);
        } else if (action.kind === 'stop' || action.kind === 'forget') touched.push(action.instanceGuid);
        else if (action.kind === 'delete-record') {
          expect(known.local.has(action.instanceGuid)).toBe(false);
          touched.push(action.instanceGuid);
        } else if (action.kind === 'recall') touched.push(action.record.instanceGuid);
      }
      expect(new Set(touched).size).toBe(touched.length);
    }),
    { numRuns: 2_000 },
  );
});

/** What the rep makes of the actions, when each succeeds. */
function apply(known: CellKnowledge, { actions, missingSince }: ReturnType<typeof decide>): CellKnowledge {
  const local = new Map(known.local);
  const records = new Map(known.records);
  const put = (guid: string, instance: LocalInstance): void => {
    local.set(guid, instance);
    records.set(guid, instance.record);
  };
  const held = { contained: true, stopping: false, placementDeleted: false };
  for (const action of actions) {
    switch (action.kind) {
      case 'start': {
        const { placement, lrp } = action;
        put(placement.instanceGuid, { ...held, record: claim(placement, lrp, 0), lrp });
        break;
      }
      case 'recall':
        put(action.record.instanceGuid, { ...held, record: action.record, lrp: undefined, contained: false });
        break;
      case 'stop':
      case 'forget':
      case 'delete-record':
        local.delete(action.instanceGuid);
        records.delete(action.instanceGuid);
        break;
      case 'update-lrp':
        local.set(action.instanceGuid, { ...(local.get(action.instanceGuid) as LocalInstance), lrp: action.lrp });
        break;
      case 'publish':
        records.set(action.instanceGuid, (local.get(action.instanceGuid) as LocalInstance).record);
        break;
    }
  }
  return { ...known, local, records, missingSince };
}

test('comes to rest, with everything placed here and nothing else, once all is fresh', () => {
  fc.assert(
    fc.property(knowledge, (start) => {
      let known: CellKnowledge = {
        ...start,
        placementsFresh: true,
        domainFresh: true,
        schedulerActive: true,
        recordsFresh: true,
      };
      // What is being stopped is gone sooner or later.
      known = { ...known, local: new Map([...known.local].filter(([, { stopping }]) => !stopping)) };
      const before = known.local;
      for (let round = 0; round < 4; round++) {
        known = { ...apply(known, decide(known)), now: known.now + UNPLACED_GRACE_MS };
      }
      expect(decide(known).actions).toEqual([]);
      for (const guid of known.local.keys()) expect(known.placements.has(guid)).toBe(true);
      for (const [guid, placement] of known.placements) {
        expect(known.local.has(guid)).toBe(
          known.lrps.get(placement.processGuid) !== undefined ||
            before.has(guid) ||
            start.records.get(guid)?.state === 'CRASHED',
        );
      }
    }),
    { numRuns: 1_000 },
  );
});

test('a wiped store stops nothing, however long it lasts', () => {
  fc.assert(
    fc.property(
      mapOf((n) => record(n)),
      fc.nat(),
      fc.boolean(),
      (records, now, fresh) => {
        const local = new Map(
          [...records].map(([guid, r]) => [
            guid,
            { record: r, lrp: sampleLrp(), contained: true, stopping: false, placementDeleted: false },
          ]),
        );
        const missingSince = new Map([...records.keys()].map((guid) => [guid, 0]));
        const wiped = {
          ...calm,
          now,
          local,
          missingSince,
          lrps: new Map(),
          domainFresh: false,
          schedulerActive: fresh,
          placementsFresh: fresh,
        };
        expect(kinds(decide(wiped).actions)).not.toContain('stop');
      },
    ),
  );
});
