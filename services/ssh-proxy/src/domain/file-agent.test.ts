import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  agentArguments,
  agentPath,
  encodeWord,
  parseNamedStats,
  parseStat,
  problemOf,
  shortMessage,
} from './file-agent.ts';

// The agent's own shell, from Debian's busybox-static, outside of any container.
const BUSYBOX = '/bin/busybox';

const name = fc
  .string({ minLength: 1, maxLength: 40, unit: 'binary' })
  .filter((text) => !/[/\0]/.test(text) && !/^\.{1,2}$/.test(text));
const word = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));

test('any word arrives as it was, and no word ends an order or begins another', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
      const encoded = words.map(encodeWord);
      for (const each of encoded) expect(each).toMatch(/^[A-Za-z0-9_./,:@\\-]+$/);
      const script = `for w in "$@"; do v=$(printf "%b." "$w"); v=\${v%.}; printf "%s\\0" "$v"; done`;
      const out = execFileSync(BUSYBOX, ['sh', '-c', script, 'sh', ...encoded]).toString();
      expect(out.split('\0').slice(0, -1)).toEqual(words.map((each) => Buffer.from(each).toString()));
    }),
    { numRuns: 40 },
  );
});

test('a path is never an option', () => {
  fc.assert(
    fc.property(fc.string(), (path) => {
      expect(agentPath(path)).toMatch(/^[./]/);
    }),
  );
});

test('a stat line is read, and nothing else is one', () => {
  expect(parseStat('81a4 0 44 6 1 2')).toEqual({ mode: 0o100644, uid: 0, gid: 44, size: 6, atime: 1, mtime: 2 });
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!/^[0-9a-f]+( -?\d+){5}$/.test(text));
      expect(() => parseStat(text)).toThrow();
    }),
  );
  expect([...parseNamedStats('81a4 0 0 6 1 2 ./a b\nnonsense\n41ed 1 2 3 4 5 ./c\n').keys()]).toEqual(['./a b', './c']);
});

test.each([
  ["stat: can't stat './x': No such file or directory", 'not-found', "can't stat './x': No such file or directory"],
  ["sh: can't create /x: Permission denied", 'denied', "can't create /x: Permission denied"],
  ['dd: /full: No space left on device\nmore', 'failed', '/full: No space left on device'],
])('%s', (message, problem, shown) => {
  expect([problemOf(message), shortMessage(message)]).toEqual([problem, shown]);
});

describe('the agent', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'file-agent-'));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  /** Answers to orders, given all at once. */
  async function ask(orders: readonly (readonly (string | number | Buffer)[])[]): Promise<string[]> {
    const [, ...args] = agentArguments;
    const agent = spawn(BUSYBOX, args, { cwd: dir, env: { HOME: dir }, stdio: ['pipe', 'pipe', 'ignore'] });
    for (const order of orders) {
      const words = order.filter((part): part is string | number => !Buffer.isBuffer(part)).map(encodeWord);
      agent.stdin.write(`${words.join(' ')}\n`);
      for (const part of order) if (Buffer.isBuffer(part)) agent.stdin.write(part);
    }
    agent.stdin.end();
    let out = '';
    for await (const piece of agent.stdout) out += piece;
    return out.split('\n').slice(1, -1);
  }
  const decoded = (answer: string | undefined): string =>
    Buffer.from((answer ?? '').replace(/^(?:ok|err) /, ''), 'base64').toString();

  test('writes and reads any bytes at any place, whatever the file is called', async () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 5_000 });
    await fc.assert(
      fc.asyncProperty(name, bytes, fc.nat(3_000), async (file, content, at) => {
        const path = `./${Buffer.from(file).toString()}`;
        const data = Buffer.from(content);
        const answers = await ask([
          ['create', path, '640', 'trunc'],
          ['write', path, at, data.length, data],
          ['stat', path],
          ['read', path, at, data.length],
          ['remove', path],
          ['lstat', path],
        ]);
        expect(answers.slice(0, 2)).toEqual(['ok', 'ok']);
        expect(parseStat((answers[2] ?? '').slice(3))).toMatchObject({ size: at + data.length, mode: 0o100640 });
        expect(Buffer.from((answers[3] ?? '').slice(3), 'base64').equals(data)).toBe(true);
        expect(answers[4]).toBe('ok');
        expect(problemOf(decoded(answers[5]))).toBe('not-found');
      }),
      { numRuns: 25 },
    );
  });

  test('stays in step when a write fails: what was meant for the file is no order', async () => {
    const data = Buffer.from('remove ./kept\nlstat ./kept\n');
    const answers = await ask([
      ['create', './kept', '-', 'keep'],
      ['write', './no/such/file', 0, data.length, data],
      ['lstat', './kept'],
    ]);
    expect(answers).toHaveLength(3);
    expect(answers[1]).toMatch(/^err /);
    expect(answers[2]).toMatch(/^ok 81a4/);
  });

  test('does not wait at pipes, and follows nothing when it removes, renames or links', async () => {
    execFileSync(BUSYBOX, ['mkfifo', join(dir, 'pipe')]);
    const answers = await ask([
      ['read', './pipe', 0, 10],
      ['open', './pipe'],
      ['write', './pipe', 0, 3, Buffer.from('abc')],
      ['create', './a', '-', 'excl'],
      ['create', './a', '-', 'excl'],
      ['rename', './a', './pipe'],
      ['symlink', '../b; touch x', './link'],
      ['readlink', './link'],
      ['nonsense', './a'],
    ]);
    expect(answers.slice(0, 3).map(decoded)).toEqual(['Is a pipe', 'Is a pipe', 'Is a pipe']);
    expect(answers.slice(3, 6).map((answer) => answer.slice(0, 3))).toEqual(['ok', 'err', 'err']);
    expect(decoded(answers[7])).toBe('../b; touch x');
    expect(decoded(answers[8])).toBe('unknown order');
  });

  test('makes words as a shell does', async () => {
    const answers = await ask([
      ['create', './w1', '-', 'keep'],
      ['create', './w2', '-', 'keep'],
      ['words', 'scp -f "a  b" \'$HOME\' w?'],
      ['words', 'scp "'],
    ]);
    expect(decoded(answers[2]).split('\0')).toEqual(['scp', '-f', 'a  b', '$HOME', 'w1', 'w2', '']);
    expect(answers[3]).toBe('ok ');
  });
});
