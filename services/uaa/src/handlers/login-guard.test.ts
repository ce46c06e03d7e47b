import { migrate, openDatabase } from '@slipway/database';
import { expect, onTestFinished, test } from 'vitest';
import { LoginFailureStore } from '../adapters/sql/login-failure-store.ts';
import { migrations } from '../adapters/sql/migrations.ts';
import type { UaaDatabase } from '../adapters/sql/schema.ts';
import { createTestDatabase, onEachEngine } from '../database.test-support.ts';
import { LoginGuard } from './login-guard.ts';

async function newGuard(): Promise<{ guard: LoginGuard; clock: { now: number } }> {
  const database = await createTestDatabase();
  const db = openDatabase<UaaDatabase>(database.url);
  onTestFinished(async () => {
    await db.destroy();
    await database.remove();
  });
  await migrate(db, migrations);
  const clock = { now: 1_000_000 };
  return { guard: new LoginGuard(new LoginFailureStore(db), () => clock.now), clock };
}

onEachEngine(() => {
  test('attempts for one subject run one after the other, those for others do not wait', async () => {
    const { guard } = await newGuard();
    const first = Promise.withResolvers<boolean>();
    const order: string[] = [];
    const note = (name: string, result: Promise<boolean>) => async () => {
      order.push(name);
      return result;
    };
    const one = guard.attempt('a', note('a1', first.promise));
    const two = guard.attempt('a', note('a2', Promise.resolve(true)));
    expect(await guard.attempt('b', note('b', Promise.resolve(true)))).toBe('passed');
    expect(order).toEqual(['a1', 'b']);
    first.resolve(false);
    expect(await one).toBe('failed');
    expect(await two).toBe('passed');
    expect(order).toEqual(['a1', 'b', 'a2']);
  });

  test('more than thirty at a time are sent away, and room is made again', async () => {
    const { guard } = await newGuard();
    const gate = Promise.withResolvers<boolean>();
    const attempts = Array.from({ length: 30 }, () => guard.attempt('a', () => gate.promise));
    await expect(guard.attempt('a', async () => true)).rejects.toMatchObject({ code: 'BUSY' });
    gate.resolve(true);
    expect(new Set(await Promise.all(attempts))).toEqual(new Set(['passed']));
    expect(await guard.attempt('a', async () => true)).toBe('passed');
  });

  test('a check that breaks counts neither way and holds up nobody', async () => {
    const { guard } = await newGuard();
    const broken = (): Promise<boolean> => Promise.reject(new Error('no memory'));
    for (let i = 0; i < 10; i++) await expect(guard.attempt('a', broken)).rejects.toThrow('no memory');
    expect(await guard.attempt('a', async () => true)).toBe('passed');
  });

  test('while locked nothing is checked', async () => {
    const { guard, clock } = await newGuard();
    for (let i = 0; i < 5; i++) expect(await guard.attempt('a', async () => false)).toBe('failed');
    let checked = false;
    const check = async (): Promise<boolean> => {
      checked = true;
      return true;
    };
    expect(await guard.attempt('a', check)).toBe('locked');
    expect(checked).toBe(false);
    clock.now += 300_001;
    expect(await guard.attempt('a', check)).toBe('passed');
  });
});
