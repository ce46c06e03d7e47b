import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeRanges, type NumberRange, parseAddresses } from './address-ranges.ts';
import { compileEgress, type EgressRule } from './egress-rules.ts';

interface Packet {
  readonly to: number;
  readonly protocol: 'tcp' | 'udp' | 'icmp' | 'esp';
  readonly port: number;
  readonly type: number;
  readonly code: number;
}

const text = (n: number): string => [24, 16, 8, 0].map((shift) => (n >>> shift) & 0xff).join('.');
// Few numbers, so that rules and packets meet.
const number = fc.oneof(fc.nat({ max: 40 }), fc.constantFrom(2 ** 32 - 1, 2 ** 31, 2 ** 24));
const destination = fc.oneof(
  number.map(text),
  fc.tuple(number, fc.nat({ max: 32 })).map(([n, bits]) => `${text(n)}/${bits}`),
  fc.tuple(number, number).map(([a, b]) => `${text(Math.min(a, b))}-${text(Math.max(a, b))}`),
);
const small = fc.integer({ min: 1, max: 12 });
const ports = fc.array(
  fc.oneof(
    small.map(String),
    fc.tuple(small, small).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
  ),
  { minLength: 1, maxLength: 3 },
);
const destinations = fc.array(destination, { minLength: 1, maxLength: 3 });
const log = fc.boolean();
const any = fc.integer({ min: -1, max: 3 });
const rule: fc.Arbitrary<EgressRule> = fc.oneof(
  fc.record({ protocol: fc.constantFrom('tcp' as const, 'udp' as const), destinations, ports, log }),
  fc.record({ protocol: fc.constant('icmp' as const), destinations, icmp: fc.record({ type: any, code: any }), log }),
  fc.record({ protocol: fc.constant('all' as const), destinations, log }),
);
const packet: fc.Arbitrary<Packet> = fc.record({
  to: number,
  protocol: fc.constantFrom('tcp', 'udp', 'icmp', 'esp'),
  port: fc.nat({ max: 13 }),
  type: fc.nat({ max: 3 }),
  code: fc.nat({ max: 3 }),
});

const within = (n: number, [first, last]: NumberRange): boolean => first <= n && n <= last;

/** What one rule says, read by itself. */
function lets(each: EgressRule, p: Packet): boolean {
  if (!each.destinations.some((to) => within(p.to, parseAddresses(to)))) return false;
  if (each.protocol === 'all') return true;
  if (each.protocol !== p.protocol) return false;
  if (each.icmp !== undefined) {
    const { type, code } = each.icmp;
    return (type === -1 || type === p.type) && (code === -1 || code === p.code);
  }
  return (each.ports ?? []).some((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return within(p.port, [first, last]);
  });
}

/** What the lines say, read as nft does: the first that matches decides. */
function decides(lines: readonly string[], p: Packet): string {
  for (const line of lines) {
    const addresses = /^ip daddr \{ ([^}]*) \} /.exec(line);
    if (addresses !== null && !(addresses[1] ?? '').split(', ').some((to) => within(p.to, parseAddresses(to))))
      continue;
    const rest = addresses === null ? line : line.slice(addresses[0].length);
    const ported = /^(tcp|udp) dport \{ ([^}]*) \} (.*)$/.exec(rest);
    if (ported !== null) {
      const [, protocol, list = '', verdict = ''] = ported;
      const met = list.split(', ').some((range) => {
        const [first = 0, last = first] = range.split('-').map(Number);
        return within(p.port, [first, last]);
      });
      if (protocol === p.protocol && met) return verdict;
      continue;
    }
    const icmp = /^meta l4proto icmp(?: icmp type (\d+))?(?: icmp code (\d+))? (.*)$/.exec(rest);
    if (icmp !== null) {
      const [, type, code, verdict = ''] = icmp;
      const met = (type === undefined || Number(type) === p.type) && (code === undefined || Number(code) === p.code);
      if (p.protocol === 'icmp' && met) return verdict;
      continue;
    }
    return rest;
  }
  return 'nothing';
}

test('what is compiled lets pass what one of the rules does, and logs it when all of those log', () => {
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 6 }),
      fc.array(packet, { minLength: 10, maxLength: 10 }),
      (rules, packets) => {
        const { lines } = compileEgress(rules);
        for (const p of packets) {
          const letting = rules.filter((each) => lets(each, p));
          const silent = letting.some((each) => each.log !== true);
          const expected = letting.length === 0 ? 'goto refused' : silent ? 'accept' : 'goto logged';
          expect(decides(lines, p)).toBe(expected);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('merged ranges have the same numbers, in order, with a gap between any two', () => {
  const range = fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 60 }));
  fc.assert(
    fc.property(fc.array(range), (ranges) => {
      const merged = mergeRanges(ranges);
      for (let n = 0; n <= 61; n += 1) {
        expect(merged.some((each) => within(n, each))).toBe(ranges.some((each) => within(n, each)));
      }
      for (const [i, [first]] of merged.slice(1).entries()) expect(first).toBeGreaterThan((merged[i]?.[1] ?? 0) + 1);
    }),
  );
});

test('the order of rules and destinations of one kind makes no difference to the name', () => {
  const a: EgressRule = { protocol: 'tcp', destinations: ['10.0.0.0/8', '192.0.2.1'], ports: ['443'] };
  const b: EgressRule = { protocol: 'tcp', destinations: ['192.0.2.1', '10.0.0.0-10.255.255.255'], ports: ['443'] };
  expect(compileEgress([a]).name).toBe(compileEgress([b, a]).name);
  expect(compileEgress([a]).name).not.toBe(compileEgress([]).name);
  expect(compileEgress([a]).name).toMatch(/^rules-[0-9a-f]{24}$/);
});

test('a thousand destinations of one kind are one line', () => {
  const rules = Array.from(
    { length: 1000 },
    (_, i): EgressRule => ({ protocol: 'tcp', destinations: [text(i * 2)], ports: ['443'] }),
  );
  expect(compileEgress(rules).lines).toHaveLength(2);
});
