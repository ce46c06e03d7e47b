import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../src/process/repository-root.ts';
import { completeLockfile, platformOf } from './complete-lockfile.mjs';

test.each([
  ['@biomejs/cli-win32-x64', { os: ['win32'], cpu: ['x64'] }],
  ['@turbo/windows-64', { os: ['win32'], cpu: ['x64'] }],
  ['@oxlint/binding-linux-x64-musl', { os: ['linux'], cpu: ['x64'], libc: ['musl'] }],
  ['@swc/core-linux-s390x-gnu', { os: ['linux'], cpu: ['s390x'], libc: ['glibc'] }],
  ['@oxc-parser/binding-linux-arm-musleabihf', { os: ['linux'], cpu: ['arm'], libc: ['musl'] }],
  ['fsevents', undefined],
])('the name %s tells its platform', (name, platform) => {
  expect(platformOf(name)).toEqual(platform);
});

test('a binary for our own platform is never made up', () => {
  const lock = { packages: { 'node_modules/tool': { optionalDependencies: { '@tool/linux-x64-gnu': '1.0.0' } } } };
  expect(() => completeLockfile(lock)).toThrow('@tool/linux-x64-gnu@1.0.0 is needed here');
});

test('the lock file names every optional package, so that npm ci accepts it whatever the registry carries', () => {
  const lock = JSON.parse(readFileSync(join(repositoryRoot, 'package-lock.json'), 'utf8'));
  expect(completeLockfile(lock)).toEqual([]);
});

test('the pinned Node is locked with its integrity for both processors', () => {
  const { packages } = JSON.parse(readFileSync(join(repositoryRoot, 'package-lock.json'), 'utf8'));
  for (const processor of ['x64', 'arm64']) {
    expect(packages[`node_modules/node-linux-${processor}`]).toMatchObject({
      version: '26.10.0',
      integrity: expect.stringMatching(/^sha512-/),
    });
  }
});
