import fc from 'fast-check';
import { expect, test } from 'vitest';
import { egressRuleSchema, parseIpv4Range } from './egress.ts';

const text = (n: number): string => [24, 16, 8, 0].map((shift) => (n >>> shift) & 0xff).join('.');
const number = fc.nat({ max: 2 ** 32 - 1 });

test('an address is the range of itself, and a range what lies between its ends', () => {
  fc.assert(
    fc.property(number, number, (a, b) => {
      const [first, last] = a <= b ? [a, b] : [b, a];
      expect(parseIpv4Range(text(a))).toEqual({ first: a, last: a });
      expect(parseIpv4Range(`${text(first)}-${text(last)}`)).toEqual({ first, last });
      if (first !== last) expect(parseIpv4Range(`${text(last)}-${text(first)}`)).toBeUndefined();
    }),
  );
});

test('a CIDR is as many addresses as its bits leave, and the one that names it is among them', () => {
  fc.assert(
    fc.property(number, fc.nat({ max: 32 }), (a, bits) => {
      const range = parseIpv4Range(`${text(a)}/${bits}`);
      if (range === undefined) throw new Error('not parsed');
      expect(range.last - range.first + 1).toBe(2 ** (32 - bits));
      expect(range.first <= a && a <= range.last && range.first % 2 ** (32 - bits) === 0).toBe(true);
    }),
  );
});

test.each([
  '',
  '1.2.3',
  '1.2.3.4.5',
  '1.2.3.4.',
  '1.2.3.256',
  '01.2.3.4',
  '1.2.3.4/33',
  '1.2.3.4/',
  '1.2.3.4/8/8',
  '1.2.3.4-',
  '1.2.3.4-1.2.3.5-1.2.3.6',
  '::1',
  'example.com',
  ' 1.2.3.4',
  '1.2.3.4\n',
])('%j is no destination', (destination) => {
  expect(parseIpv4Range(destination)).toBeUndefined();
});

test.each([
  [{ protocol: 'all', destinations: ['0.0.0.0/0'] }, true],
  [{ protocol: 'tcp', destinations: ['10.0.0.1', '10.1.0.0-10.1.0.9'], ports: ['80', '8000-8010'], log: true }, true],
  [{ protocol: 'icmp', destinations: ['10.0.0.1'], icmp: { type: 8, code: -1 } }, true],
  [{ protocol: 'tcp', destinations: ['10.0.0.1'] }, false],
  [{ protocol: 'tcp', destinations: ['10.0.0.1'], ports: ['0'] }, false],
  [{ protocol: 'tcp', destinations: ['10.0.0.1'], ports: ['65536'] }, false],
  [{ protocol: 'tcp', destinations: ['10.0.0.1; accept'], ports: ['80'] }, false],
  [{ protocol: 'tcp', destinations: ['10.0.0.0/33'], ports: ['80'] }, false],
  [{ protocol: 'tcp', destinations: ['10.0.0.1'], ports: ['80; accept'] }, false],
  [{ protocol: 'icmp', destinations: ['10.0.0.1'] }, false],
  [{ protocol: 'udp', destinations: [], ports: ['53'] }, false],
])('the rule %j: %s', (rule, valid) => {
  expect(egressRuleSchema.safeParse(rule).success).toBe(valid);
});
