import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HOST, startProxy, startRawBackend } from './proxy.test-support.ts';

/*
 * Clients and backends that behave and misbehave at random, many at once. Whatever happens: nobody gets another's answer,
 * every request ends in one access record, and nothing stays open or counted when all have left.
 */

/** How the backend answers a request for `/<behaviour>/<id>`. */
const answers: Readonly<Record<string, (socket: Socket, id: string) => void>> = {
  length: (socket, id) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${id.length}\r\n\r\n${id}`),
  chunked: (socket, id) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    setImmediate(() => socket.write(`${id.length.toString(16)}\r\n${id}\r\n0\r\n\r\n`));
  },
  close: (socket, id) => socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${id}`),
  quits: (socket, id) => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${id.length}\r\n\r\n${id}`),
  early: (socket, id) =>
    socket.write(`HTTP/1.1 103 X\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: ${id.length}\r\n\r\n${id}`),
  large: (socket, id) => {
    const body = `${id}${'.'.repeat(300_000)}`;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  },
  half: (socket, id) => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n${id}`),
  halfReset: (socket, id) => {
    socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n${id.slice(0, 2)}`);
    setImmediate(() => socket.resetAndDestroy());
  },
  surplus: (socket, id) =>
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${id.length}\r\n\r\n${id}HTTP/1.1 200 OK\r\n`),
  garbage: (socket) => socket.write('garbage\r\n\r\n'),
  ends: (socket) => socket.end(),
  resets: (socket) => socket.resetAndDestroy(),
  silent: () => {},
};

/** What the client does after its requests; `reads`: waits for all answers. */
const manners = ['reads', 'leaves', 'resets', 'halfCloses', 'dawdles'] as const;

const session = fc.record({
  requests: fc.array(
    fc.record({
      answer: fc.constantFrom(...Object.keys(answers)),
      body: fc.constantFrom('', 'length', 'chunked', 'cut'),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  manner: fc.constantFrom(...manners),
});

function requestText(answer: string, body: string, id: string, isLast: boolean): string {
  const head = `${body === '' ? 'GET' : 'POST'} /${answer}/${id} HTTP/1.1\r\nHost: ${HOST}\r\n${isLast ? 'Connection: close\r\n' : ''}`;
  if (body === 'length') return `${head}Content-Length: 5\r\n\r\nhello`;
  if (body === 'chunked') return `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`;
  return body === 'cut' ? `${head}Content-Length: 50\r\n\r\nhello` : `${head}\r\n`;
}

test('in any company everybody gets their own answer or none, and nothing is left behind', async () => {
  const proxy = await startProxy({ requestTimeoutMs: 300, idleTimeoutMs: 2_000, headTimeoutMs: 2_000 });
  const backend = await startRawBackend((socket) => {
    let text = '';
    socket.on('end', () => socket.end());
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (;;) {
        const found = /^(?:GET|POST) \/(\w+)\/([\w-]+) [\s\S]*?\r\n\r\n/.exec(text);
        if (found === null) return;
        const [head, answer = '', id = ''] = found;
        const body = head.includes('chunked')
          ? '5\r\nhello\r\n0\r\n\r\n'
          : head.includes('Content-Length: 5\r\n')
            ? 'hello'
            : '';
        const whole = text.slice(head.length).startsWith(body) && !head.includes('Content-Length: 50\r\n');
        if (!whole) return;
        text = text.slice(head.length + body.length);
        answers[answer]?.(socket, id);
      }
    });
  });
  proxy.register(backend.port);
  const pool = proxy.table.lookup(HOST, '/');
  let serial = 0;

  const converse = async ({
    requests,
    manner,
  }: {
    requests: readonly { answer: string; body: string }[];
    manner: string;
  }): Promise<void> => {
    const ids = requests.map(() => `id-${++serial}-`);
    const socket = connect({ host: '127.0.0.1', port: proxy.port, allowHalfOpen: true });
    socket.on('error', () => {});
    let received = '';
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
    });
    socket.on('end', () => socket.end());
    const closed = new Promise((resolve) => socket.once('close', resolve));
    for (const [i, { answer, body }] of requests.entries())
      socket.write(requestText(answer, body, ids[i] ?? '', i === requests.length - 1));
    if (manner === 'dawdles') socket.pause();
    await new Promise((resolve) => setImmediate(resolve));
    if (manner === 'leaves') socket.destroy();
    else if (manner === 'resets') socket.resetAndDestroy();
    else if (manner === 'halfCloses') socket.end();
    else if (manner === 'dawdles') setImmediate(() => socket.resume());
    await closed;
    // Answers come in the order of the requests, and only to them.
    const mine: readonly string[] = received.match(/id-\d+-/g) ?? [];
    expect(mine).toEqual(ids.filter((id) => mine.includes(id)));
    expect(received.match(/^HTTP\/1\.1 [2-5]/gm)?.length ?? 0).toBeLessThanOrEqual(requests.length);
  };

  await fc.assert(
    fc.asyncProperty(fc.array(session, { minLength: 1, maxLength: 25 }), async (sessions) => {
      await Promise.all(sessions.map(converse));
      await expect.poll(() => proxy.server.connectionCount, { timeout: 20_000 }).toBe(0);
      expect(proxy.records.length).toBe(proxy.begun());
      expect(pool?.endpoints[0]?.backend.waiting).toBe(0);
      expect(proxy.faults).toEqual([]);
    }),
    { numRuns: 25 },
  );
  const kinds = new Set(proxy.records.map(({ status }) => status));
  for (const status of [200, 499, 502]) expect(kinds).toContain(status);
});
