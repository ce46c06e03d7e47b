import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeDuration, describeRateLimit, parseRateLimit, type RateLimit } from './rate-limit.ts';

const NOW = Date.parse('2026-03-01T10:00:00Z');
const HOUR = 3_600_000;
const parse = (headers: Readonly<Record<string, string>>): RateLimit | undefined =>
  parseRateLimit((name) => headers[name], NOW);

test.each<[who: string, headers: Readonly<Record<string, string>>, said: RateLimit | undefined, words: string]>([
  [
    'Docker Hub',
    { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '76;w=21600', 'docker-ratelimit-source': '192.0.2.1' },
    { limit: 100, remaining: 76, windowMs: 6 * HOUR },
    '76 of 100 requests in 6 h are left',
  ],
  [
    'GitLab',
    { 'ratelimit-limit': '60', 'ratelimit-remaining': '0', 'ratelimit-reset': String(NOW / 1000 + 30) },
    { limit: 60, remaining: 0, resetMs: 30_000 },
    '0 of 60 requests are left, more come in 30 s',
  ],
  [
    'GitHub',
    { 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '4999', 'x-ratelimit-reset': String(NOW / 1000 + 600) },
    { limit: 5000, remaining: 4999, resetMs: 600_000 },
    '4999 of 5000 requests are left, more come in 10 min',
  ],
  [
    'the draft of today',
    { ratelimit: '"default";r=50;t=30', 'ratelimit-policy': '"default";q=100;w=60' },
    { limit: 100, remaining: 50, windowMs: 60_000, resetMs: 30_000 },
    '50 of 100 requests in 60 s are left, more come in 30 s',
  ],
  [
    'the draft of before',
    { ratelimit: 'limit=100, remaining=50, reset=50' },
    { limit: 100, remaining: 50, resetMs: 50_000 },
    '50 of 100 requests are left, more come in 50 s',
  ],
  ['a mere limit', { 'ratelimit-limit': '10' }, { limit: 10 }, 'it allows 10 requests'],
  ['a mere rest', { 'x-ratelimit-remaining': '3' }, { remaining: 3 }, '3 requests are left'],
  ['nothing', {}, undefined, ''],
  ['nonsense', { 'ratelimit-limit': 'many', 'ratelimit-remaining': '-1', ratelimit: ';;=;' }, undefined, ''],
  ['a mere reset', { 'ratelimit-reset': '10' }, undefined, ''],
  ['a novel', { 'ratelimit-limit': `100;w=${'6'.repeat(300)}` }, undefined, ''],
  [
    'a time long past',
    { 'ratelimit-remaining': '1', 'ratelimit-reset': '1000000001' },
    { remaining: 1, resetMs: 0 },
    '1 requests are left, more come in 0 s',
  ],
  ['a window of ages', { 'ratelimit-limit': '1;w=999999999' }, { limit: 1 }, 'it allows 1 requests'],
])('the rate-limit headers of %s', (_who, headers, said, words) => {
  expect(parse(headers)).toEqual(said);
  if (said !== undefined) expect(describeRateLimit(said)).toBe(words);
});

test('durations are told in the unit that fits, never too short', () => {
  const told = [0, 1, 999, 1_000, 90_000, 121_000, HOUR, 2 * HOUR, 2 * HOUR + 1].map(describeDuration);
  expect(told).toEqual(['0 s', '1 s', '1 s', '1 s', '90 s', '3 min', '1 h', '2 h', '3 h']);
});

test('whatever a registry sends, what is read of it is a bounded, finite figure or nothing', () => {
  const names = ['ratelimit', 'ratelimit-policy', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'];
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.stringMatching(/^[a-z0-9=;, "-]{0,60}$/),
    fc.bigInt().map(String),
  );
  const headers = fc.dictionary(fc.constantFrom(...names, ...names.map((name) => `x-${name}`)), text);
  fc.assert(
    fc.property(headers, fc.nat(2_000_000_000_000), (sent, now) => {
      const said = parseRateLimit((name) => sent[name], now);
      for (const value of Object.values(said ?? {})) {
        expect(Number.isSafeInteger(value)).toBe(true);
        expect(value).toBeGreaterThanOrEqual(0);
      }
      if (said !== undefined) expect(describeRateLimit(said)).toMatch(/^[\w ,.]{1,120}$/);
    }),
  );
});

test("Docker Hub's form is read back exactly", () => {
  const natural = fc.nat(1_000_000);
  fc.assert(
    fc.property(natural, natural, fc.nat(31_000_000), (limit, remaining, windowS) => {
      const sent = { 'ratelimit-limit': `${limit};w=${windowS}`, 'ratelimit-remaining': `${remaining};w=${windowS}` };
      expect(parse(sent)).toEqual({ limit, remaining, windowMs: windowS * 1000 });
    }),
  );
});
