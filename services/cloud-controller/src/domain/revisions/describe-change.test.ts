import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AppVersion, describeChange } from './describe-change.ts';

const base: AppVersion = {
  dropletGuid: 'd',
  environment: { A: 'a' },
  commands: { web: null, worker: 'work' },
  sidecars: [],
};

test.each([
  [base, []],
  [{ ...base, dropletGuid: 'e' }, ['New droplet deployed.']],
  [{ ...base, environment: { A: 'b' } }, ['New environment variables deployed.']],
  [{ ...base, environment: { B: 'a' } }, ['New environment variables deployed.']],
  [{ ...base, commands: { web: 'x', worker: 'work' } }, ["Custom start command added for 'web' process."]],
  [{ ...base, commands: { web: null, worker: null } }, ["Custom start command removed for 'worker' process."]],
  [{ ...base, sidecars: [{ name: 's', command: 'c', memoryMb: null, types: ['web'] }] }, ['Sidecars updated.']],
  [{ ...base, commands: { worker: 'other' } }, ["Custom start command updated for 'worker' process."]],
])('%j', (after, texts) => {
  expect(describeChange(base, after)).toEqual(texts);
});

test('nothing is said of what is the same, something of what is not', () => {
  const version = fc.record({
    dropletGuid: fc.constantFrom('d', 'e'),
    environment: fc.dictionary(fc.constantFrom('A', 'B', '__proto__'), fc.constantFrom('1', '2')),
    commands: fc.dictionary(fc.constantFrom('web', 'worker'), fc.constantFrom('x', 'y')),
    sidecars: fc.constantFrom([], [{ name: 's', command: 'c', memoryMb: 1, types: ['web'] }]),
  });
  fc.assert(
    fc.property(version, version, (a, b) => {
      const same =
        a.dropletGuid === b.dropletGuid &&
        a.sidecars.length === b.sidecars.length &&
        sorted(a.environment) === sorted(b.environment) &&
        sorted(a.commands) === sorted(b.commands);
      expect(describeChange(a, b).length === 0).toBe(same);
      expect(describeChange(a, { ...a })).toEqual([]);
    }),
  );
});

function sorted(entries: Readonly<Record<string, string>>): string {
  return Object.entries(entries)
    .map(([key, value]) => `${key}=${value}`)
    .sort((a, b) => a.localeCompare(b))
    .join();
}
