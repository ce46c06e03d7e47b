import { type Instance, instanceSchema } from '@slipway/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { claim, type InstanceEvent, sameRecord, transition } from './instance-state.ts';
import { sampleInstance, sampleLrp, samplePlacement } from './samples.test-support.ts';

const T0 = Date.parse('2026-01-01T00:00:00.000Z');
const crash = {
  phase: 'run' as const,
  reason: 'APP/PROC/WEB: Exited with status 1',
  exitStatus: 1,
  outOfMemory: false,
  ranMs: 5,
};
const life: InstanceEvent[] = [
  { type: 'phase', phase: 'pulling' },
  { type: 'phase', phase: 'creating' },
  { type: 'addressed', address: '10.254.0.2', ports: [8080] },
  { type: 'phase', phase: 'starting' },
  { type: 'phase', phase: 'health-check' },
  { type: 'running', ready: true },
];

test('goes from claimed through its phases to running', () => {
  const claimed = claim(samplePlacement(1), sampleLrp(), T0);
  expect(claimed).toMatchObject({ state: 'CLAIMED', phase: 'claimed', routable: false });
  const instance = life.reduce((i, event) => transition(i, event, T0 + 1_000), claimed);
  expect(instance).toMatchObject({
    state: 'RUNNING',
    routable: true,
    since: '2026-01-01T00:00:01.000Z',
    address: '10.254.0.2',
    ports: [{ containerPort: 8080, hostPort: 8080 }],
  });
  expect(instance).not.toHaveProperty('phase');
});

test('a phase does not change since when it is claimed', () => {
  const claimed = claim(samplePlacement(1), sampleLrp(), T0);
  expect(transition(claimed, { type: 'phase', phase: 'pulling' }, T0 + 1_000).since).toBe(claimed.since);
});

test('what ends while it is being stopped is stopped, not crashed', () => {
  const stopping = transition(sampleInstance(1), { type: 'stopping' }, T0);
  expect(stopping).toMatchObject({ state: 'STOPPING', routable: false });
  expect(transition(stopping, { type: 'crashed', crash }, T0)).toBe(stopping);
});

test('readiness decides of its routes, and when it changed is known', () => {
  const running = sampleInstance(1);
  const unready = transition(running, { type: 'readiness', ready: false }, T0 + 5_000);
  expect(unready).toMatchObject({
    state: 'RUNNING',
    since: running.since,
    routable: false,
    readiness: { ready: false, since: '2026-01-01T00:00:05.000Z' },
  });
  expect(transition(unready, { type: 'readiness', ready: true }, T0 + 6_000)).toMatchObject({
    routable: true,
    readiness: { ready: true, since: '2026-01-01T00:00:06.000Z' },
  });
  expect(transition(running, { type: 'withdrawn' }, T0)).toEqual({ ...running, routable: false });
});

test('any sequence of events gives valid records, routable only while running, and no way back', () => {
  const event: fc.Arbitrary<InstanceEvent> = fc.constantFrom(
    ...life,
    { type: 'running', ready: false } as const,
    { type: 'readiness', ready: true } as const,
    { type: 'readiness', ready: false } as const,
    { type: 'withdrawn' } as const,
    { type: 'stopping' } as const,
    { type: 'crashed', crash } as const,
  );
  const order = ['CLAIMED', 'RUNNING', 'STOPPING', 'CRASHED'];
  fc.assert(
    fc.property(fc.array(event), (events) => {
      let instance: Instance = claim(samplePlacement(1), sampleLrp(), T0);
      for (const e of events) {
        const next = transition(instance, e, T0);
        instanceSchema.parse(next);
        if (next.routable) expect(next.state).toBe('RUNNING');
        if (e.type === 'running' && next !== instance) expect(next.routable).toBe(e.ready);
        expect(next.state === 'CRASHED').toBe(next.crash !== undefined);
        expect(next.phase !== undefined).toBe(next.state === 'CLAIMED');
        expect(order.indexOf(next.state)).toBeGreaterThanOrEqual(order.indexOf(instance.state));
        if (instance.state === 'STOPPING' || instance.state === 'CRASHED') expect(next).toBe(instance);
        instance = next;
      }
    }),
  );
});

test('records are the same whatever order their fields are in', () => {
  const record = sampleInstance(1);
  const parsed = instanceSchema.parse(Object.fromEntries(Object.entries(record).toReversed()));
  expect(sameRecord(record, parsed)).toBe(true);
  expect(sameRecord(record, { ...parsed, routable: false })).toBe(false);
});
