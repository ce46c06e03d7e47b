import { decodeProtectedHeader } from 'jose';
import { expect, test } from 'vitest';
import { onEachEngine } from '../database.test-support.ts';
import { startUaa, type TestUaa } from '../identity.test-support.ts';

const MINUTE = 60_000;
const kidOf = async (uaa: TestUaa): Promise<string> => String(decodeProtectedHeader(await uaa.adminToken()).kid);
const served = async (uaa: TestUaa): Promise<string[]> =>
  (await uaa.call('GET', '/token_keys')).body.keys.map((key: { kid: string }) => key.kid);

onEachEngine(() => {
  test('the key survives a restart: tokens from before are good after', async () => {
    const uaa = await startUaa();
    const token = await uaa.adminToken();
    const again = await startUaa({ from: uaa });
    expect(await kidOf(again)).toBe(await kidOf(uaa));
    expect((await again.call('GET', '/Users', { token })).status).toBe(200);
  });

  test('the private key in the database cannot be read', async () => {
    const uaa = await startUaa();
    const row = await uaa.identity.db.selectFrom('signing_keys').selectAll().executeTakeFirstOrThrow();
    expect(row.private_key).toMatch(/^v1\./);
    const plain = Buffer.from(row.private_key.slice(3), 'base64url').toString('latin1');
    expect(plain + row.private_key).not.toContain('PRIVATE KEY');
  });

  test('with another ENCRYPTION_KEY it does not start', async () => {
    const uaa = await startUaa();
    const encryptionKey = Buffer.alloc(32, 7).toString('base64');
    await expect(startUaa({ from: uaa, encryptionKey })).rejects.toMatchObject({ code: 'ENCRYPTION_KEY_WRONG' });
  });

  test('a rotated key is served at once, signs after a minute, and the old one stays while its tokens live', async () => {
    const uaa = await startUaa();
    const other = await startUaa({ from: uaa });
    const old = await kidOf(uaa);
    const { kid } = await uaa.identity.keys.rotate();
    expect(await served(uaa)).toEqual([kid, old]);
    expect(await kidOf(uaa)).toBe(old);
    expect(await served(other)).toEqual([old]);
    await other.identity.keys.load();
    expect(await served(other)).toEqual([kid, old]);

    uaa.clock.now += MINUTE - 1;
    const last = await uaa.adminToken();
    uaa.clock.now += 1;
    expect(await kidOf(uaa)).toBe(kid);
    expect(await kidOf(other)).toBe(kid);
    uaa.clock.now += 9 * MINUTE;
    expect((await other.call('GET', '/Users', { token: last })).status).toBe(200);

    uaa.clock.now += 120 * MINUTE;
    expect(await served(uaa)).toEqual([kid]);
    await uaa.identity.sweep();
    expect(await uaa.identity.db.selectFrom('signing_keys').select('kid').execute()).toEqual([{ kid }]);
  });

  test('processes that start at once on a new database agree on one key and one admin', async () => {
    const first = await startUaa();
    await first.identity.db.deleteFrom('signing_keys').execute();
    await first.identity.db.deleteFrom('users').execute();
    const [a, b] = await Promise.all([startUaa({ from: first }), startUaa({ from: first })]);
    const [kidA, kidB] = [await kidOf(a), await kidOf(b)];
    expect(await served(a)).toEqual([kidA]);
    expect(kidB).toBe(kidA);
  });

  test('sweeping deletes what has expired and nothing else', async () => {
    const uaa = await startUaa();
    await uaa.logIn();
    await uaa.logIn('nobody', 'x');
    const count = async (table: 'refresh_tokens' | 'login_failures'): Promise<number> =>
      (await uaa.identity.db.selectFrom(table).selectAll().execute()).length;
    await uaa.identity.sweep();
    expect([await count('refresh_tokens'), await count('login_failures')]).toEqual([1, 1]);
    uaa.clock.now += 70 * MINUTE;
    await uaa.identity.sweep();
    expect([await count('refresh_tokens'), await count('login_failures')]).toEqual([1, 0]);
    uaa.clock.now += 30 * 24 * 60 * MINUTE;
    await uaa.identity.sweep();
    expect(await count('refresh_tokens')).toBe(0);
  });
});
