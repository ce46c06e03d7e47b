import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bestCredentials,
  type PlacedCredentials,
  parseCredentialScope,
  repositoryToCheck,
} from './credential-scope.ts';

test.each([
  ['registry.test', '', 'registry.test', ''],
  ['Registry.Test:5000', 'team/app', 'registry.test:5000', 'team/app'],
  ['localhost:5000', 'team/', 'localhost:5000', 'team/'],
  ['index.docker.io', 'team/', 'docker.io', 'team/'],
  ['docker.io', 'library/nginx', 'docker.io', 'library/nginx'],
  ['[::1]:5000', 'a/b/c/', '[::1]:5000', 'a/b/c/'],
])('reads %s %j', (registry, prefix, host, repositoryPrefix) => {
  const scope = { registry: host, repositoryPrefix };
  expect(parseCredentialScope(registry, prefix)).toEqual({ outcome: 'parsed', scope });
});

test.each([
  ['https://registry.test', '', /Registry must be host\[:port\]: expected a registry without a scheme at character 6$/],
  ['registry', '', /Registry must be .* a host with a "\." or a ":port" at character 9$/],
  ['registry.test/team', '', /at character 14$/],
  ['registry.test:0', '', /a port of 1 to 65535 at character 15$/],
  ['registry.test', 'Team', /Repository prefix must be .* at character 1$/],
  ['registry.test', 'team/App', /at character 6$/],
  ['registry.test', 'team/app:1', /must not have a tag or a digest/],
  ['registry.test', '/', /at character 1$/],
  ['registry.test', 'team//', /at character 6$/],
  ['docker.io', 'team', /a namespace as "team\/"/],
])('refuses %s %j', (registry, prefix, problem) => {
  expect(parseCredentialScope(registry, prefix)).toEqual({
    outcome: 'rejected',
    problem: expect.stringMatching(problem),
  });
});

test('whatever is given is read or refused, and what is read is read the same again', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[a-zA-Z0-9.:/@[\]_-]{0,30}$/));
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom('r.test', 'docker.io', '[::1]:5000'), text), text, (registry, prefix) => {
      const result = parseCredentialScope(registry, prefix);
      if (result.outcome === 'rejected') {
        expect(result.problem).toMatch(/^(Registry|Repository prefix) must /);
        return;
      }
      const { scope } = result;
      expect(parseCredentialScope(scope.registry, scope.repositoryPrefix)).toEqual(result);
      const image = {
        registry: scope.registry,
        repository: `${scope.repositoryPrefix.replace(/\/$/, '')}/x`.replace(/^\//, ''),
      };
      const placed = { ...scope, spaceGuid: 's', organizationGuid: null };
      expect(bestCredentials([placed], { spaceGuid: 's', organizationGuid: 'o' }, image)).toBe(placed);
    }),
  );
});

test('a whole repository is checked, a registry or a namespace is not', () => {
  const check = (repositoryPrefix: string) => repositoryToCheck({ registry: 'r.test', repositoryPrefix });
  expect([check('team/app'), check('team/'), check('')]).toEqual(['team/app', undefined, undefined]);
});

const of = (where: 'space' | 'organization', repositoryPrefix: string, more = {}): PlacedCredentials => ({
  spaceGuid: where === 'space' ? 's' : null,
  organizationGuid: where === 'space' ? null : 'o',
  registry: 'r.test',
  repositoryPrefix,
  ...more,
});
const place = { spaceGuid: 's', organizationGuid: 'o' };
const best = (candidates: readonly PlacedCredentials[], repository: string, registry = 'r.test') =>
  bestCredentials(candidates, place, { registry, repository });

test("a space's come before its organization's, and among each the longest prefix", () => {
  const all = [
    of('organization', ''),
    of('organization', 'team/app'),
    of('space', ''),
    of('space', 'team'),
    of('space', 'other'),
  ];
  for (const candidates of [all, all.toReversed()]) {
    expect(best(candidates, 'team/app')).toEqual(of('space', 'team'));
    expect(best(candidates, 'tea')).toEqual(of('space', ''));
    const shared = candidates.filter(({ spaceGuid }) => spaceGuid === null);
    expect(best(shared, 'team/app/x')).toEqual(of('organization', 'team/app'));
  }
});

test('of prefixes that differ by one character the longer wins, in spaces too', () => {
  for (const where of ['space', 'organization'] as const) {
    const all = [of(where, 'ab'), of(where, 'ab/')];
    for (const candidates of [all, all.toReversed()]) expect(best(candidates, 'ab/a')).toEqual(of(where, 'ab/'));
  }
});

test.each([
  ['team/app', 'team/app', true],
  ['team/app', 'team/app/x', true],
  ['team/app', 'team/apple', false],
  ['team/', 'team', false],
  ['team/', 'team/app', true],
  ['team', 'teams/app', false],
])('the prefix %s covers %s: %s', (prefix, repository, covered) => {
  expect(best([of('space', prefix)], repository) !== undefined).toBe(covered);
});

test('those of others, and for other registries, are never taken', () => {
  const foreign = [of('space', '', { spaceGuid: 't' }), of('organization', '', { organizationGuid: 'p' })];
  expect(best(foreign, 'a')).toBeUndefined();
  expect(best([of('space', '')], 'a', 'r.test:5000')).toBeUndefined();
  expect(best([of('space', '')], 'a', 'R.Test')).toEqual(of('space', ''));
});

test('whatever is chosen covers the image, and nothing that covers it ranks higher', () => {
  const segment = fc.constantFrom('a', 'b', 'ab');
  const repository = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  const prefix = fc.oneof(
    fc.constant(''),
    repository,
    repository.map((path) => `${path}/`),
  );
  const candidate = fc
    .record({ where: fc.constantFrom('space', 'organization'), prefix, mine: fc.boolean() })
    .map(({ where, prefix: p, mine }) =>
      of(where as 'space', p, mine ? {} : where === 'space' ? { spaceGuid: 'x' } : { organizationGuid: 'x' }),
    );
  fc.assert(
    fc.property(fc.array(candidate, { maxLength: 12 }), repository, (candidates, image) => {
      const chosen = best(candidates, image);
      const fits = candidates.filter(({ spaceGuid, organizationGuid, repositoryPrefix: p }) => {
        const mine = spaceGuid === 's' || organizationGuid === 'o';
        return mine && `${image}/`.startsWith(p === '' || p.endsWith('/') ? p : `${p}/`) && p !== `${image}/`;
      });
      if (chosen === undefined) {
        expect(fits).toEqual([]);
        return;
      }
      expect(fits).toContain(chosen);
      for (const other of fits) {
        if (other.spaceGuid !== null) expect(chosen.spaceGuid).not.toBeNull();
        if ((other.spaceGuid === null) === (chosen.spaceGuid === null)) {
          expect(chosen.repositoryPrefix.length).toBeGreaterThanOrEqual(other.repositoryPrefix.length);
        }
      }
    }),
  );
});
