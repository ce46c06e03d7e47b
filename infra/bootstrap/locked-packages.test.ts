import { expect, test } from 'vitest';
import { firstDifference } from './locked-packages.mjs';

const machine = { platform: 'linux', arch: 'x64' };
const all = (): boolean => true;
const zod = { version: '4.6.7', integrity: 'sha512-a' };
const locked = { packages: { '': {}, 'packages/oci': {}, 'node_modules/zod': zod } };

test('what npm ci left is as locked', () => {
  expect(firstDifference(locked, { packages: { 'node_modules/zod': zod } }, machine, all)).toBeUndefined();
});

test.each([
  ['nothing was installed', undefined, 'nothing is installed'],
  ['a package is missing', { packages: {} }, 'node_modules/zod is missing'],
  ['a version differs', { packages: { 'node_modules/zod': { ...zod, version: '4.0.0' } } }, 'is 4.0.0, not 4.6.7'],
  ['the content differs', { packages: { 'node_modules/zod': { ...zod, integrity: 'x' } } }, 'node_modules/zod differs'],
])('it is told when %s', (_, installed, difference) => {
  expect(firstDifference(locked, installed, machine, all)).toContain(difference);
});

test('it is told when a directory was deleted by hand', () => {
  expect(firstDifference(locked, { packages: { 'node_modules/zod': zod } }, machine, () => false)).toContain('zod');
});

const binary = (os: string, cpu: string, libc?: string): object => ({
  packages: { 'node_modules/tool': { version: '1.0.0', optional: true, os: [os], cpu, ...(libc && { libc: [libc] }) } },
});

test.each([
  ['our own system', binary('linux', 'x64'), 'node_modules/tool is missing'],
  ['our own libc', binary('linux', 'x64', 'glibc'), 'node_modules/tool is missing'],
  ['another system', binary('darwin', 'x64'), undefined],
  ['another processor', binary('linux', 'arm64'), undefined],
  ['another libc', binary('linux', 'x64', 'musl'), undefined],
  ['no system', { packages: { 'node_modules/tool': { version: '1.0.0', optional: true } } }, undefined],
])('an absent optional binary for %s gives %3$s', (_, lock, difference) => {
  expect(firstDifference(lock, { packages: {} }, machine, all)).toBe(difference);
});
