import { openDatabase } from '@slipway/database';
import { rawContent } from '@slipway/database/testing';
import { expect, test } from 'vitest';
import { onEachEngine } from '../database.test-support.ts';
import { ADMIN_PASSWORD, CLOUD_CONTROLLER_SECRET, startUaa } from '../identity.test-support.ts';

onEachEngine(() => {
  test('whoever has the database has no password, secret, token or key', async () => {
    const uaa = await startUaa();
    await uaa.createUser('well-kept', 'canary-password');
    const token = await uaa.adminToken();
    const client = {
      client_id: 'robot',
      client_secret: 'canary-client-secret',
      authorized_grant_types: ['client_credentials'],
      authorities: ['scim.read'],
    };
    expect((await uaa.call('POST', '/uaa/oauth/clients', { token, json: client })).status).toBe(201);
    const first = (await uaa.logIn('well-kept', 'canary-password')).body;
    const second = (await uaa.refresh(first.refresh_token)).body;
    const db = openDatabase(uaa.url);
    try {
      const raw = await rawContent(db, uaa);
      // They would be found: names are, and the public half of the key.
      for (const known of ['well-kept', 'robot']) expect(raw).toContain(known);
      expect(raw).toMatch(/"kty"+:"+RSA/);
      const tokens = [first, second].flatMap((reply) => [reply.access_token, reply.refresh_token]);
      const secrets = ['canary-password', 'canary-client-secret', ADMIN_PASSWORD, CLOUD_CONTROLLER_SECRET, ...tokens];
      for (const secret of secrets) {
        expect(secret.length).toBeGreaterThan(10);
        expect(raw).not.toContain(secret);
        expect(raw).not.toContain(Buffer.from(secret).toString('base64'));
      }
      expect(raw).not.toContain('PRIVATE KEY');
    } finally {
      await db.destroy();
    }
  });
});
