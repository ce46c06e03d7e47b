import { openDatabase } from '@slipway/database';
import { engines } from '@slipway/database/testing';
import { createLogger } from '@slipway/service-kit';
import fastify from 'fastify';
import { sql } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';
import { replyToErrors } from './error-reply.ts';

test('a full disk is said to be one, to the client and in the log', async () => {
  // PostgreSQL's disk cannot be filled here; the code of its error is tested where errors are told apart.
  const database = await engines[0].create();
  onTestFinished(() => database.remove());
  const db = openDatabase<Record<string, never>>(database.url);
  onTestFinished(() => db.destroy());
  const log: string[] = [];
  const codes: string[] = [];
  const api = fastify();
  onTestFinished(() => api.close());
  replyToErrors(api, createLogger('uaa', 'error', { write: (line) => void log.push(line) }), (code) =>
    codes.push(code),
  );
  api.get('/', async () => {
    await sql`pragma max_page_count = 1`.execute(db);
    await sql`create table a (b text)`.execute(db);
  });
  const { statusCode, body } = await api.inject('/');
  expect(statusCode).toBe(503);
  expect(JSON.parse(body)).toEqual({
    error: 'temporarily_unavailable',
    error_description: 'the disk is full: nothing was changed',
  });
  expect(codes).toEqual(['STORAGE_FULL']);
  expect(log.join()).toContain('database or disk is full');
});
