import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lowestTcpPort, type PortProtocol, parseExposedPorts } from './exposed-ports.ts';

const show = (entries: string[]): string[] =>
  parseExposedPorts(entries).map(({ port, protocol }) => `${port}/${protocol}`);

test('ports without a protocol are tcp, and tcp comes first, lowest first', () => {
  expect(show(['53/udp', '9000', '8080/tcp', '80/UDP', '36412/sctp'])).toEqual([
    '8080/tcp',
    '9000/tcp',
    '53/udp',
    '80/udp',
    '36412/sctp',
  ]);
});

test('a range is each of its ports', () => {
  expect(show(['8000-8003/tcp', '8002-8004', '53-53/udp'])).toEqual([
    '8000/tcp',
    '8001/tcp',
    '8002/tcp',
    '8003/tcp',
    '8004/tcp',
    '53/udp',
  ]);
});

test.each([
  '',
  '/tcp',
  'http',
  '0/tcp',
  '65536',
  '8080/',
  '8080/quic',
  '-1',
  '80-',
  '90-80/tcp',
  '0-10/tcp',
  '65000-70000/tcp',
  '8080/tcp/udp',
  ' 80',
  '80\n',
  '1e3',
  '127.0.0.1:80:80/tcp',
])('%j is refused by name', (entry) => {
  expect(() => parseExposedPorts(['80', entry])).toThrow(JSON.stringify(entry));
});

const protocol = fc.constantFrom<PortProtocol>('tcp', 'udp', 'sctp');
const range = fc
  .tuple(fc.integer({ min: 1, max: 65_535 }), fc.nat(50), protocol)
  .map(([first, length, name]) => ({ first, last: Math.min(first + length, 65_535), name }));

test('the result is exactly the ports named, sorted, each once', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 8 }), (ranges) => {
      const parsed = parseExposedPorts(ranges.map(({ first, last, name }) => `${first}-${last}/${name}`));
      const named = new Set(
        ranges.flatMap(({ first, last, name }) =>
          Array.from({ length: last - first + 1 }, (_, i) => `${first + i}/${name}`),
        ),
      );
      const keys = parsed.map(({ port, protocol: name }) => `${port}/${name}`);
      expect(new Set(keys)).toEqual(named);
      expect(keys.length).toBe(named.size);
      const order = ['tcp', 'udp', 'sctp'];
      const ranks = parsed.map(({ port, protocol: name }) => order.indexOf(name) * 100_000 + port);
      expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
      const tcp = parsed.filter(({ protocol: name }) => name === 'tcp').map(({ port }) => port);
      expect(lowestTcpPort(parsed)).toBe(tcp.length === 0 ? undefined : Math.min(...tcp));
    }),
  );
});

test('a hundred thousand entries for the same ports cost no more than the ports', () => {
  const entries = Array.from({ length: 100_000 }, (_, i) => `1-${30_000 - (i % 1000)}/tcp`);
  expect(parseExposedPorts(entries).length).toBe(30_000);
});

test('a TURN server keeps its ranges, and all ports there are are too many', () => {
  expect(parseExposedPorts(['49152-65535/tcp', '49152-65535/udp']).length).toBe(32_768);
  expect(() => parseExposedPorts(['1-65535/tcp'])).toThrow('exposes 65535 ports; at most 40000');
});
