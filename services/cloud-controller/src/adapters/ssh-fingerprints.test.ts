import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fingerprintsOf } from './ssh-fingerprints.ts';

// GitHub's, as its documentation and ssh-keygen have it.
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';

test('a key has the fingerprints that its owner publishes', () => {
  expect(fingerprintsOf(KEY)).toEqual({
    fingerprint: '+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU',
    md5Fingerprint: '65:96:2d:fc:e8:d5:a9:11:64:0c:0f:ea:00:6e:5b:bd',
  });
});

test.skipIf(!existsSync('/usr/bin/ssh-keygen'))('and those that ssh-keygen shows', () => {
  const shown = (kind: string): string =>
    execFileSync('/usr/bin/ssh-keygen', ['-l', '-E', kind, '-f', '-'], { input: KEY, encoding: 'utf8' });
  const { fingerprint, md5Fingerprint } = fingerprintsOf(KEY);
  expect(shown('sha256')).toContain(` SHA256:${fingerprint} `);
  expect(shown('md5')).toContain(` MD5:${md5Fingerprint} `);
});
