import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { ConfigError, commonSettings, loadConfig, settings } from './config.ts';
import { Secret } from './secret.ts';

const schema = z.object({ ...commonSettings, TTL_MS: settings.milliseconds(500), HOSTS: settings.list(['localhost']) });
const env = { NATS_URL: 'nats://127.0.0.1:4222', NATS_USER: 'uaa', NATS_PASSWORD: 'hunter2' };

test('defaults fill what is not set', () => {
  const config = loadConfig('uaa', schema, { ...env, HOSTS: 'a.example, b.example' });
  expect(config).toMatchObject({ TTL_MS: 500, HOSTS: ['a.example', 'b.example'], LOG_LEVEL: 'info', HEALTH_PORT: 0 });
});

test('every problem is named at once, and no value of a secret is', () => {
  const attempt = () => loadConfig('uaa', schema, { NATS_PASSWORD: 'hunter2', TTL_MS: '-5', HEALTH_PORT: 'many' });
  expect(attempt).toThrow(ConfigError);
  expect(attempt).toThrow(/NATS_URL: not set[\s\S]*NATS_USER: not set[\s\S]*HEALTH_PORT[\s\S]*TTL_MS/);
  expect(attempt).not.toThrow(/hunter2/);
});

test.each([
  ['nats://127.0.0.1:4222', true],
  ['nats://a.example:4222,tls://b.example,nats://[::1]:4222', true],
  ['127.0.0.1:4222', false],
  ['nats://', false],
  ['nats://a.example:99999', false],
  ['nats://a.example,', false],
  ['http://a.example', false],
  ['nats://alice:hunter2@a.example', false],
])('NATS_URL=%s is %s', (url, good) => {
  const attempt = (): unknown => loadConfig('uaa', schema, { ...env, NATS_URL: url });
  if (good) expect(attempt).not.toThrow();
  else expect(attempt).toThrow(/NATS_URL: expected nats:\/\/host:port(?![\s\S]*hunter2)/);
});

test('what an operator has set by hand must be a setting', () => {
  const given = { ...env, TTL_MS: '7', GIVEN_SETTINGS: 'TTL_MS,NATS_PASSWORD_FILE' };
  expect(loadConfig('uaa', schema, given).TTL_MS).toBe(7);
  const wrong = { ...env, TTL: '7', GIVEN_SETTINGS: 'TTL,HOSTS_FIL' };
  expect(() => loadConfig('uaa', schema, wrong)).toThrow(/TTL: there is no such[\s\S]*HOSTS_FIL: there is no such/);
});

test('a setting may come from a file', () => {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-config-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'password');
  writeFileSync(file, 'from-file\n');
  const config = loadConfig('uaa', schema, { ...env, NATS_PASSWORD: undefined, NATS_PASSWORD_FILE: file });
  expect(config.NATS_PASSWORD.reveal()).toBe('from-file');
});

test('a file that cannot be read is the problem that is named', () => {
  const attempt = () =>
    loadConfig('uaa', schema, { ...env, NATS_PASSWORD: undefined, NATS_PASSWORD_FILE: '/nowhere/x' });
  expect(attempt).toThrow(/NATS_PASSWORD_FILE: cannot read \/nowhere\/x/);
});

test('a secret prints as redacted however it is printed', () => {
  const secret = new Secret('hunter2');
  const prints = [`${secret}`, JSON.stringify({ secret }), String(secret)];
  for (const print of prints) {
    expect(print).toContain('[redacted]');
    expect(print).not.toContain('hunter2');
  }
});
