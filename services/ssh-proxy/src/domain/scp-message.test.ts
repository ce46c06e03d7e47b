import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatScpMessage, isScpServer, parseScpCall, parseScpMessage, type ScpMessage } from './scp-message.ts';

const name = fc
  .string({ minLength: 1, maxLength: 60 })
  .filter((text) => !/[/\0\n]/.test(text) && text !== '.' && text !== '..');
const entry = fc.record({
  kind: fc.constantFrom('file' as const, 'directory' as const),
  mode: fc.nat(0o7777),
  size: fc.nat(),
  name,
});
const times = fc.record({ kind: fc.constant('times' as const), mtime: fc.nat(), atime: fc.nat() });
const message: fc.Arbitrary<ScpMessage> = fc.oneof(entry, times, fc.constant({ kind: 'end' } as const));

describe('a message of scp', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(parseScpMessage(formatScpMessage(sent).slice(0, -1))).toEqual(sent);
      }),
    );
  });

  test.each(['C0644 5 ../x', 'C0644 5 a/b', 'C0644 5 ..', 'D0755 0 .', 'C0644 -1 x', 'C644 5 x', 'C0644 5 ', 'X', ''])(
    '%j is none',
    (line) => {
      expect(parseScpMessage(line)).toBeUndefined();
    },
  );

  test('never has a name that leads out of a directory, whatever is sent', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `C0644 1 ${text}`),
        ),
        (line) => {
          const read = parseScpMessage(line);
          if (read?.kind !== 'file' && read?.kind !== 'directory') return;
          expect(read.name).not.toMatch(/[/\0\n]/);
          expect(['.', '..', '']).not.toContain(read.name);
        },
      ),
    );
  });
});

describe('how scp is called', () => {
  test.each([
    ['scp -t /tmp', { direction: 'to', recursive: false, times: false, directory: false, paths: ['/tmp'] }],
    ['scp -v -r -p -d -t -- -x', { direction: 'to', recursive: true, times: true, directory: true, paths: ['-x'] }],
    ['/usr/bin/scp -rf a b', { direction: 'from', recursive: true, times: false, directory: false, paths: ['a', 'b'] }],
  ])('%s', (command, expected) => {
    expect(parseScpCall(command.split(' '))).toEqual(expected);
  });

  test.each(['scp', 'scp -t', 'scp a b', 'scp -t -f a', 'scp -t a b', 'scp -S x -t a', 'ls -t a'])(
    '%s is another program',
    (command) => {
      expect(parseScpCall(command.split(' '))).toBeUndefined();
    },
  );
});

test.each([
  ['scp -t /tmp/x', true],
  ['scp -r -p -d -t -- /tmp', true],
  ['/usr/bin/scp -prf ~/a*', true],
  ['  scp  -v -f x', true],
  ['scp nothing; echo once', false],
  ['scp a host:b', false],
  ['scp -t', false],
  ['scp -P 22 -t', false],
  ['echo scp -t /x', false],
  ['scpx -t /x', false],
])('%j is the other side of a copy: %s', (command, expected) => {
  expect(isScpServer(command)).toBe(expected);
});
