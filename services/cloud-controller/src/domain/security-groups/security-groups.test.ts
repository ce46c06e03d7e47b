import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEFAULT_GROUPS, PRIVATE_NETWORKS } from './default-groups.ts';
import { egressOf, type SecurityGroupRule } from './egress-of.ts';
import { parsePorts, ruleProblems } from './rule-problems.ts';

const tcp = { protocol: 'tcp', destination: '10.0.0.0/8', ports: '443' };
const text = (n: number): string => [24, 16, 8, 0].map((shift) => (n >>> shift) & 0xff).join('.');
const address = fc.nat({ max: 2 ** 32 - 1 }).map(text);
const destination = fc.oneof(
  address,
  fc.tuple(address, fc.nat({ max: 32 })).map(([a, bits]) => `${a}/${bits}`),
  fc.tuple(fc.nat({ max: 2 ** 31 }), fc.nat({ max: 2 ** 31 })).map(([a, more]) => `${text(a)}-${text(a + more)}`),
);
const destinations = fc.array(destination, { minLength: 1, maxLength: 4 }).map((all) => all.join(','));
const port = fc.integer({ min: 1, max: 65_535 });
const ports = fc
  .array(
    fc.oneof(
      port.map(String),
      fc.tuple(port, port).map(([a, b]) => `${Math.min(a, b)} - ${Math.max(a, b)}`),
    ),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .map((all) => all.join(', '));
const more = { log: fc.boolean(), description: fc.string() };
const icmp = fc.integer({ min: -1, max: 255 });
const shapes = {
  ported: { protocol: fc.constantFrom('tcp' as const, 'udp' as const), destination: destinations, ports, ...more },
  icmp: { protocol: fc.constant('icmp' as const), destination: destinations, type: icmp, code: icmp, ...more },
  all: { protocol: fc.constant('all' as const), destination: destinations, ...more },
};
const rule: fc.Arbitrary<SecurityGroupRule> = fc.oneof(
  fc.record(shapes.ported, { requiredKeys: ['protocol', 'destination', 'ports'] }),
  fc.record(shapes.icmp, { requiredKeys: ['protocol', 'destination', 'type', 'code'] }),
  fc.record(shapes.all, { requiredKeys: ['protocol', 'destination'] }),
);

test('every rule of the form that Cloud Foundry documents is accepted, and cells are told of each destination', () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 5 }), (rules) => {
      expect(ruleProblems(rules)).toEqual([]);
      const egress = egressOf(rules);
      for (const { protocol, destination: to, log } of rules) {
        for (const each of to.split(',')) {
          expect(
            egress.some(
              (e) => e.protocol === protocol && e.destinations.includes(each) && (e.log ?? false) === (log ?? false),
            ),
          ).toBe(true);
        }
      }
      expect(new Set(egress.map(({ destinations: _, ...kind }) => JSON.stringify(kind))).size).toBe(egress.length);
    }),
  );
});

test('no rules at all, whatever they are, are more than refused', () => {
  fc.assert(
    fc.property(fc.array(fc.anything()), (rules) => {
      const problems = ruleProblems(rules);
      expect(problems.every((problem) => problem.startsWith('Rules'))).toBe(true);
    }),
  );
});

test.each([
  ['x', 'Rules[0]: must be an object'],
  [{ ...tcp, colour: 1, size: 2 }, 'Rules[0]: unknown field(s): ["colour", "size"]'],
  [{ ...tcp, protocol: 'sctp' }, "Rules[0]: protocol must be 'tcp', 'udp', 'icmp', or 'all'"],
  [
    { protocol: 'all' },
    'Rules[0]: nil destination; destination must be a comma-delimited list of valid CIDRs, IP addresses, or IP address ranges',
  ],
  [{ protocol: 'all', destination: 7 }, 'Rules[0]: destination must be a string'],
  [{ protocol: 'all', destination: '10.0.0.1, 10.0.0.2' }, 'Rules[0]: destination must not contain whitespace'],
  [
    { protocol: 'all', destination: '10.0.0.1,example.com' },
    'Rules[0]: destination must contain valid CIDR(s), IP address(es), or IP address range(s)',
  ],
  [
    { protocol: 'all', destination: '2001:db8::/32' },
    'Rules[0]: destination must contain valid CIDR(s), IP address(es), or IP address range(s)',
  ],
  [{ protocol: 'all', destination: '10.0.0.1-x' }, 'Rules[0]: destination IP address range is invalid'],
  [
    { protocol: 'all', destination: '10.0.0.9-10.0.0.1' },
    'Rules[0]: beginning of IP address range is numerically greater than the end of its range (range endpoints are inverted)',
  ],
  [
    { protocol: 'all', destination: Array.from({ length: 6_001 }, () => '10.0.0.1').join() },
    'Rules[0]: maximum destinations per rule exceeded - must be under 6000',
  ],
  [{ ...tcp, description: 1 }, 'Rules[0]: description must be a string'],
  [{ ...tcp, log: 'yes' }, 'Rules[0]: log must be a boolean'],
  [
    { ...tcp, ports: '0' },
    'Rules[0]: ports must be a valid single port, comma separated list of ports, or range or ports, formatted as a string',
  ],
  [
    { protocol: 'all', destination: '10.0.0.1', ports: '80' },
    'Rules[0]: ports are not allowed for protocols of type all',
  ],
])('%j is refused', (rule, problem) => {
  expect(ruleProblems([rule])).toEqual([problem]);
});

test('what is missing of a rule is named', () => {
  expect(ruleProblems([tcp, { protocol: 'udp', destination: '10.0.0.1' }])).toEqual([
    'Rules[1]: ports are required for protocols of type TCP and UDP',
    expect.stringContaining('ports must be a valid single port'),
  ]);
  expect(ruleProblems([{ protocol: 'icmp', destination: '10.0.0.1', code: 256 }])).toEqual([
    'Rules[0]: code must be an integer between -1 and 255 (inclusive)',
    'Rules[0]: type is required for protocols of type ICMP',
    'Rules[0]: type must be an integer between -1 and 255 (inclusive)',
  ]);
  const large = Array.from({ length: 3_000 }, (_, i) => ({ ...tcp, description: `number ${i} ${'x'.repeat(60)}` }));
  expect(ruleProblems(large)).toEqual([expect.stringMatching(/^Rules are too large: \d+ bytes, of at most 262144$/)]);
});

test.each([
  ['80', ['80']],
  ['80,443', ['80', '443']],
  [' 80 , 8000 - 8010 ', ['80', '8000-8010']],
  ['80-80', ['80']],
  ['', undefined],
  ['80,', undefined],
  ['443-80', undefined],
  ['65536', undefined],
  ['80;81', undefined],
  [80, undefined],
])('the ports %j are %j', (given, parsed) => {
  expect(parsePorts(given)).toEqual(parsed);
});

test('the groups that a platform begins with are valid', () => {
  for (const { rules } of [...DEFAULT_GROUPS, PRIVATE_NETWORKS]) expect(ruleProblems(rules)).toEqual([]);
});
