import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decideVolume, parseVolumeAllowance, type VolumeAllowance } from './volume-allowance.ts';

const anybody = { organization: undefined, space: undefined };

test.each([
  ['/srv/shared', { root: '/srv/shared', writable: false, ...anybody }],
  ['/srv/shared/:rw', { root: '/srv/shared', writable: true, ...anybody }],
  ['/srv:ro@acme', { root: '/srv', writable: false, organization: 'acme', space: undefined }],
  ['/srv:rw@acme/dev', { root: '/srv', writable: true, organization: 'acme', space: 'dev' }],
  ...[
    '',
    'srv',
    '/',
    '//',
    '/a//b',
    '/a/../b',
    '/srv:wr',
    '/srv:rw:ro',
    '/srv@',
    '/srv@acme/',
    '/srv@a/b/c',
    '/srv@a@b',
  ].map((text): [string, undefined] => [text, undefined]),
])('%j allows %j', (text, allowance) => {
  expect(parseVolumeAllowance(text)).toEqual(allowance);
});

const allowances = ['/srv/shared', '/srv/shared/rw:rw', '/srv/acme:rw@acme', '/srv/dev:rw@acme/dev'].map(
  (text) => parseVolumeAllowance(text) as VolumeAllowance,
);
const dev = { organizationName: 'acme', spaceName: 'dev' };
const other = { organizationName: 'other', spaceName: 'dev' };

test.each([
  ['/srv/shared', true, other, { root: '/srv/shared', path: '' }],
  ['/srv/shared/a/b', true, other, { root: '/srv/shared', path: 'a/b' }],
  ['/srv/shared/rw/a', false, other, { root: '/srv/shared/rw', path: 'a' }],
  ['/srv/acme/x', false, dev, { root: '/srv/acme', path: 'x' }],
  ['/srv/dev', false, dev, { root: '/srv/dev', path: '' }],
])('%s, read-only %s, for %j is %j', (source, readOnly, app, place) => {
  expect(decideVolume({ source, readOnly }, allowances, app)).toEqual({ outcome: 'allowed', ...place });
});

test.each([
  ['/srv/shared', false, other, 'may only be mounted read-only by other/dev'],
  ['/srv/acme', true, other, 'is in none of the directories that other/dev may use on this cell'],
  ['/srv/dev', true, { ...dev, spaceName: 'prod' }, 'is in none of the directories'],
  ['/srv/sharedness', true, dev, 'is in none of the directories'],
  ['/srv', true, dev, 'is in none of the directories'],
  ['/srv/shared/../acme', true, other, 'is no plain absolute path'],
  ['/srv/shared/./x', true, other, 'is no plain absolute path'],
])('%s, read-only %s, for %j is refused: it %s', (source, readOnly, app, why) => {
  const reason = `The volume ${source} ${why}`;
  expect(decideVolume({ source, readOnly }, allowances, app)).toMatchObject({
    outcome: 'refused',
    reason: expect.stringContaining(reason),
  });
});

test('whatever is asked for, what is allowed lies within what the operator said', () => {
  const part = fc.constantFrom('srv', 'shared', 'acme', '..', '.', '', 'rw', 'x');
  fc.assert(
    fc.property(fc.array(part), fc.boolean(), (parts, readOnly) => {
      const decision = decideVolume({ source: `/${parts.join('/')}`, readOnly }, allowances, other);
      if (decision.outcome === 'refused') return;
      expect(['/srv/shared', '/srv/shared/rw']).toContain(decision.root);
      expect(decision.path.split('/')).not.toContain('..');
    }),
  );
});
