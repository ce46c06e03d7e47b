import { ConfigError } from '@slipway/service-kit';
import { expect, test, vi } from 'vitest';
import { readConfig, readPlaceConfig } from './config.ts';
import { requireRoot } from './require-root.ts';

const place = { CELL_ID: 'cell-1', CELL_DATA_DIR: '/var/lib/cell' };
const whole = {
  ...place,
  NATS_URL: 'nats://127.0.0.1:4222',
  NATS_USER: 'cell-rep-cell-1',
  NATS_PASSWORD: 'secret',
  CELL_PUBLIC_KEY: 'public',
  CELL_PRIVATE_KEY: 'private',
};

test('most settings have defaults, and capacity follows the machine', () => {
  const config = readConfig(whole);
  expect(config).toMatchObject({
    CELL_ZONE: 'z1',
    CELL_SUBNET: '10.254.0.0/22',
    CELL_CONTAINERS: 250,
    CELL_PEER_PORT: 0,
    CELL_PEER_MB_PER_SECOND: 200,
    CELL_ON_STOP: 'keep',
    CELL_DRAIN_TIMEOUT_MS: 600_000,
    INSECURE_REGISTRIES: [],
    TRUSTED_TOKEN_HOSTS: [],
    CREDENTIAL_HELPER_USER: { uid: 65_534, gid: 65_534 },
  });
  expect(config.CELL_MEMORY_MB).toBeUndefined();
  expect(JSON.stringify(config)).not.toContain('private"');
});

test('the port for other cells can be chosen, or be off', () => {
  expect(readConfig({ ...whole, CELL_PEER_PORT: '7101' }).CELL_PEER_PORT).toBe(7_101);
  expect(readConfig({ ...whole, CELL_PEER_PORT: 'off' }).CELL_PEER_PORT).toBe('off');
});

test('cleaning needs to know only where the cell was', () => {
  expect(readPlaceConfig(place)).toMatchObject({ CELL_ID: 'cell-1', CELL_DATA_DIR: '/var/lib/cell' });
});

test('every bad setting is named', () => {
  const bad = {
    ...whole,
    CELL_ID: 'Cell 1',
    CELL_SUBNET: '10.254.0.1/22',
    CELL_DATA_DIR: 'relative',
    CELL_MEMORY_MB: '0',
    CELL_ON_STOP: 'maybe',
    CELL_PEER_PORT: '70000',
  };
  try {
    readConfig(bad);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    for (const name of [
      'CELL_ID',
      'CELL_SUBNET',
      'CELL_DATA_DIR',
      'CELL_MEMORY_MB',
      'CELL_ON_STOP',
      'CELL_PEER_PORT',
    ]) {
      expect((error as Error).message).toContain(name);
    }
  }
});

test('who is not root is told why root is needed', () => {
  const getuid = vi.spyOn(process, 'getuid').mockReturnValue(1_000);
  expect(requireRoot).toThrow(expect.objectContaining({ code: 'REP_NOT_ROOT' }));
  getuid.mockReturnValue(0);
  expect(requireRoot).not.toThrow();
  getuid.mockRestore();
});
