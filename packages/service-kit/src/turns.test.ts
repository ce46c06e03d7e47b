import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Turns, type TurnsOptions, type TurnWait } from './turns.ts';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Callers of keys, each inside until it is let out; what happened, in order. */
class Room {
  readonly entered: string[] = [];
  readonly waits = new Map<string, TurnWait>();
  readonly inside = new Map<string, () => void>();
  readonly done: Promise<unknown>[] = [];
  readonly #turns: Turns;

  constructor(options: TurnsOptions) {
    this.#turns = new Turns(options);
  }

  come(key: string, name: string, signal: AbortSignal = new AbortController().signal): Promise<void> {
    const work = async (): Promise<void> => {
      this.entered.push(name);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.inside.set(name, resolve);
      await promise;
    };
    const ran = this.#turns.run({ key, signal, work, onWait: (why) => this.waits.set(name, why) });
    this.done.push(ran.catch(() => undefined));
    return ran;
  }

  async leave(name: string): Promise<void> {
    this.inside.get(name)?.();
    this.inside.delete(name);
    await settle();
  }
}

test('one key takes its share and no more, and others get in beside it at once', async () => {
  const room = new Room({ places: 4, perKey: 2 });
  for (let i = 0; i < 10; i += 1) void room.come('flood', `flood ${i}`);
  void room.come('quiet', 'quiet');
  await settle();
  expect(room.entered).toEqual(['flood 0', 'flood 1', 'quiet']);
  expect([room.waits.get('flood 2'), room.waits.has('quiet')]).toEqual(['share', false]);
});

test('who waits gets in by turns of the keys, and in order among those of one', async () => {
  const room = new Room({ places: 1, perKey: 1 });
  for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) void room.come(name.charAt(0), name);
  await settle();
  expect(room.waits.get('b1')).toBe('places');
  for (let i = 0; i < 6; i += 1) await room.leave(room.entered[i] ?? '');
  expect(room.entered).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
});

test('who stops waiting is rejected with its own reason and takes nobody along', async () => {
  const room = new Room({ places: 1, perKey: 1 });
  const reason = new Error('not any more');
  const abort = new AbortController();
  void room.come('a', 'a1');
  const given = room.come('b', 'b1', abort.signal);
  void room.come('b', 'b2');
  abort.abort(reason);
  await expect(given).rejects.toBe(reason);
  await expect(room.come('c', 'c1', abort.signal)).rejects.toBe(reason);
  await room.leave('a1');
  expect(room.entered).toEqual(['a1', 'b2']);
});

test('work that fails gives its place back', async () => {
  const turns = new Turns({ places: 1, perKey: 1 });
  const { signal } = new AbortController();
  const broken = turns.run({ key: 'a', signal, work: () => Promise.reject(new Error('broken')) });
  const after = turns.run({ key: 'a', signal, work: async () => 'went on' });
  await expect(broken).rejects.toThrow('broken');
  await expect(after).resolves.toBe('went on');
});

test('a place can be given away before the work is done, once, by who sees that it is wanted', async () => {
  const turns = new Turns({ places: 1, perKey: 1 });
  const { signal } = new AbortController();
  const end = Promise.withResolvers<void>();
  const seen: string[] = [];
  const long = turns.run({
    key: 'a',
    signal,
    work: async (place) => {
      seen.push(`wanted: ${place.wanted}`);
      void turns.run({ key: 'a', signal, work: async () => void seen.push('own') });
      seen.push(`wanted: ${place.wanted}`);
      void turns.run({ key: 'b', signal, work: () => end.promise });
      seen.push(`wanted: ${place.wanted}`);
      place.leave();
      place.leave();
      await settle();
      seen.push('still at work');
    },
  });
  await long;
  expect(seen).toEqual(['wanted: false', 'wanted: false', 'wanted: true', 'still at work']);
  end.resolve();
  await settle();
  expect(seen.at(-1)).toBe('own');
});

test('over any history no limit is exceeded, no place is left empty while somebody may have it, and all get in', async () => {
  const action = fc.oneof(
    { weight: 3, arbitrary: fc.record({ key: fc.constantFrom('a', 'b', 'c'), abort: fc.constant(false) }) },
    { weight: 1, arbitrary: fc.record({ key: fc.constantFrom('a', 'b', 'c'), abort: fc.constant(true) }) },
    { weight: 3, arbitrary: fc.nat(20) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 4 }),
      fc.array(action),
      async (...all) => {
        const [places, perKey, history] = all;
        const room = new Room({ places, perKey });
        const waiting = new Set<string>();
        const keyOf = (name: string): string => name.charAt(0);
        const count = (names: Iterable<string>, key: string): number =>
          [...names].filter((n) => keyOf(n) === key).length;
        const check = (): void => {
          for (const name of room.entered) waiting.delete(name);
          expect(room.inside.size).toBeLessThanOrEqual(places);
          for (const key of ['a', 'b', 'c']) {
            const inside = count(room.inside.keys(), key);
            expect(inside).toBeLessThanOrEqual(perKey);
            if (count(waiting, key) > 0 && inside < perKey) expect(room.inside.size).toBe(places);
          }
        };
        for (const [i, step] of history.entries()) {
          if (typeof step === 'number') {
            const names = [...room.inside.keys()];
            const leaving = names[step % Math.max(1, names.length)];
            if (leaving !== undefined) await room.leave(leaving);
          } else {
            const abort = new AbortController();
            const name = `${step.key}${i}`;
            waiting.add(name);
            room.come(step.key, name, abort.signal).catch(() => undefined);
            await settle();
            if (step.abort) abort.abort(new Error('gone'));
            if (step.abort) waiting.delete(name);
          }
          await settle();
          check();
        }
        while (room.inside.size > 0) {
          await room.leave([...room.inside.keys()][0] ?? '');
          check();
        }
        expect(waiting.size).toBe(0);
        await Promise.all(room.done);
      },
    ),
    { numRuns: 200 },
  );
});
