import { loadConfig } from '@slipway/service-kit';
import { expect, test } from 'vitest';
import { configSchema } from './config.ts';

const needed = { NATS_URL: 'nats://x', NATS_USER: 'router', NATS_PASSWORD: 'p', LISTEN_PORT: '8080' };

test('the defaults are those of a deployed Gorouter', () => {
  expect(loadConfig('router', configSchema, needed)).toMatchObject({
    REGISTER_INTERVAL_SECONDS: 20,
    PRUNE_THRESHOLD_SECONDS: 120,
    PRUNE_INTERVAL_MS: 30_000,
    REQUEST_TIMEOUT_MS: 900_000,
    DIAL_TIMEOUT_MS: 5_000,
    BACKEND_MAX_WAITING: 500,
    MAX_ATTEMPTS: 3,
    STICKY_COOKIE_NAMES: ['JSESSIONID'],
  });
});

test.each([
  [{ LISTEN_PORT: '' }, 'LISTEN_PORT'],
  [{ PRUNE_THRESHOLD_SECONDS: '10' }, 'PRUNE_THRESHOLD_SECONDS'],
  [{ START_ROUTES: 'localhost,/v3' }, 'START_ROUTES'],
  [{ BALANCING_ALGORITHM: 'by-mood' }, 'BALANCING_ALGORITHM'],
])('%j is refused', (more, name) => {
  expect(() => loadConfig('router', configSchema, { ...needed, ...more })).toThrow(name);
});
