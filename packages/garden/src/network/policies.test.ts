// @module-tag root
import { execFileSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { answering, connectFrom, inNetworkOf, NetworkProcesses, sendFrom } from '@slipway/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { CellNetwork } from './cell-network.ts';
import type { GroupPolicies } from './policy-table.ts';
import { SpokenProcess } from './spoken-process.test-support.ts';

/** Two cells of one machine, with containers of three apps: `a` and `b` here, another `b` and `c` on the other cell. */
const net = `10.${randomInt(200, 250)}.${randomInt(256)}`;
const name = randomBytes(3).toString('hex');
const subnets = [`${net}.0/28`, `${net}.16/28`] as const;
const [here, there] = subnets.map(
  (subnet, index) => new CellNetwork({ cell: `pol-${name}-${index}`, subnet, reachableFrom: [], namesOwnServer: true }),
) as [CellNetwork, CellNetwork];
const processes = new NetworkProcesses();
interface TestContainer {
  readonly pid: number;
  readonly address: string;
}
const containers: Record<string, TestContainer> = {};
const at = (which: string): TestContainer => {
  const found = containers[which];
  if (found === undefined) throw new Error(`no container ${which}`);
  return found;
};

async function add(which: string, cell: CellNetwork, index: number, group: string): Promise<void> {
  const pid = await processes.start(answering([8080, 8081], [5000]));
  const place = cell.place(index);
  await cell.join(place.address, group);
  cell.connect(place, pid);
  containers[which] = { pid, address: place.address };
}

const tcp = (source: string, destination: string, start = 8080, end = start) => ({
  source,
  destination,
  ports: [{ protocol: 'tcp' as const, start, end }],
});

/** Tells both cells, each of the other's containers, as reps do. */
async function apply(policies: GroupPolicies['policies']): Promise<void> {
  const of = (which: string, group: string) => ({ address: at(which).address, group });
  await here.applyPolicies({ policies, elsewhere: [of('b2', 'b'), of('c', 'c')], subnets: [subnets[1]] });
  await there.applyPolicies({ policies, elsewhere: [of('a', 'a'), of('b1', 'b')], subnets: [subnets[0]] });
}

const call = (from: string, to: string, port = 8080) => connectFrom(at(from).pid, at(to).address, port);

beforeAll(async () => {
  await here.open();
  await there.open();
  await add('a', here, 0, 'a');
  await add('b1', here, 1, 'b');
  await add('b2', there, 0, 'b');
  await add('c', there, 1, 'c');
});
afterAll(async () => {
  processes.end();
  for (const cell of [here, there]) {
    await cell.teardown();
    expect(execFileSync('ip', ['-o', 'addr', 'show', 'dev', 'lo'], { encoding: 'utf8' })).not.toContain(
      `${cell.subnet.gateway}/`,
    );
  }
});

test('nothing is reached without a policy, also by those of one app', async () => {
  await apply([]);
  expect(await call('a', 'b1')).toBe('ECONNREFUSED');
  expect(await call('a', 'b2')).toBe('ECONNREFUSED');
  expect(await call('b1', 'b2')).toBe('ECONNREFUSED');
});

test('a policy opens its ports from its source to its destination on all cells, and nothing else', async () => {
  await apply([tcp('a', 'b')]);
  expect(await call('a', 'b1')).toBe(at('a').address);
  // The other cell sees who calls.
  expect(await call('a', 'b2')).toBe(at('a').address);
  expect(await call('a', 'b1', 8081)).toBe('ECONNREFUSED');
  expect(await call('a', 'c')).toBe('ECONNREFUSED');
  expect(await call('b1', 'a')).toBe('ECONNREFUSED');
  expect(await call('b2', 'a')).toBe('ECONNREFUSED');
  expect(await call('b1', 'b2')).toBe('ECONNREFUSED');
  expect(await sendFrom(at('a').pid, at('b1').address, 5000)).toBe('ECONNREFUSED');
  await apply([tcp('b', 'b', 8000, 8081)]);
  expect(await call('a', 'b1')).toBe('ECONNREFUSED');
  expect(await call('b1', 'b2', 8081)).toBe(at('b1').address);
  expect(await call('b2', 'b1')).toBe(at('b2').address);
});

test('udp has policies of its own', async () => {
  await apply([
    { source: 'c', destination: 'a', ports: [{ protocol: 'udp', start: 4999, end: 5000 }] },
    { source: 'c', destination: 'a', ports: [{ protocol: 'udp', start: 5000, end: 6000 }] },
  ]);
  expect(await sendFrom(at('c').pid, at('a').address, 5000)).toBe(at('c').address);
  expect(await call('c', 'a', 5000)).toBe('ECONNREFUSED');
  expect(await call('c', 'a')).toBe('ECONNREFUSED');
});

test('a connection ends with its policy, in both directions, whoever speaks next', async () => {
  for (const [from, to, source, destination] of [
    ['a', 'b1', 'a', 'b'],
    ['a', 'b2', 'a', 'b'],
    ['c', 'a', 'c', 'a'],
  ] as const) {
    await apply([tcp(source, destination, 7000)]);
    // Answers each line, and says when its connection has ended.
    const server = processes.start(
      `const s = require('net').createServer((c) => c.pipe(c).on('error', () => {}));s.listen(7000, () => console.log('up'))`,
    );
    await server;
    const echo = new SpokenProcess(
      at(to).pid,
      `require('net').createServer((c) => { c.on('error', () => {}); c.pipe(c); }).listen(7000, '0.0.0.0', () => console.log('up'));`,
    );
    onTestFinished(() => echo.end());
    await echo.until();
    const talker = new SpokenProcess(
      at(from).pid,
      `const c = require('net').connect(7000, '${at(to).address}', () => c.write('x'));
       let ended; c.on('data', () => { if (!ended) console.log('answered'); setTimeout(() => c.write('x'), 20) });
       c.on('error', (e) => { ended = true; console.log(e.code) });`,
    );
    onTestFinished(() => talker.end());
    await talker.until((line) => line === 'answered');
    await apply([]);
    expect(await talker.until((line) => line !== 'answered')).toMatch(/^(ECONNRESET|EPIPE)$/);
  }
});

test('an address has the rights of whom it is given to, and no longer those of whom it had', async () => {
  await apply([tcp('a', 'b')]);
  expect(await call('a', 'b1')).toBe(at('a').address);
  await here.join(at('a').address, 'other');
  expect(await call('a', 'b1')).toBe('ECONNREFUSED');
  expect(await call('a', 'b2')).toBe('ECONNREFUSED');
  await here.join(at('a').address, 'a');
  expect(await call('a', 'b1')).toBe(at('a').address);
});

test('what another cell says of addresses of this one counts for nothing, nor what is no address', async () => {
  await here.applyPolicies({
    policies: [tcp('liar', 'b'), tcp('a', 'liar')],
    elsewhere: [
      { address: at('a').address, group: 'liar' },
      { address: '0.0.0.0/0 } accept; #', group: 'liar' },
    ],
    subnets: ['nonsense', '10.0.0.0/33'],
  });
  expect(await call('a', 'b1')).toBe('ECONNREFUSED');
});

test('a table made anew has the policies from its first moment', async () => {
  const policies = { policies: [tcp('a', 'b')], elsewhere: [], subnets: [] };
  await here.open(
    [
      { address: at('a').address, rules: undefined, group: 'a' },
      { address: at('b1').address, rules: undefined, group: 'b' },
    ],
    policies,
  );
  expect(await call('a', 'b1')).toBe(at('a').address);
  expect(await call('b1', 'a')).toBe('ECONNREFUSED');
  await here.applyPolicies({ policies: [], elsewhere: [], subnets: [] });
  expect(await call('a', 'b1')).toBe('ECONNREFUSED');
});

test('of the host only port 53 of the cell’s own address is reached', async () => {
  const { gateway } = here.subnet;
  const host = new SpokenProcess(
    process.pid,
    `const up = [53, 5353].map((port) => new Promise((r) => require('net').createServer((s) => s.end('host')).listen(port, '${gateway}', r)));
     Promise.all(up).then(() => console.log('up'));`,
  );
  onTestFinished(() => host.end());
  await host.until();
  expect(await connectFrom(at('a').pid, gateway, 53)).toBe('host');
  expect(await connectFrom(at('a').pid, gateway, 5353)).toBe('ECONNREFUSED');
  expect(await connectFrom(at('a').pid, there.subnet.gateway, 53)).toBe('ECONNREFUSED');
  // A flood is cut in the kernel, each container by itself.
  const dropped = Number(
    await inNetworkOf(
      at('b1').pid,
      `const u = require('dgram').createSocket('udp4'); let sent = 0;
       u.connect(53, '${gateway}', () => { const go = () => { if (sent++ === 20000) { console.log(sent); process.exit() } u.send('x', go) }; go() }); u.on('error', () => {});`,
    ),
  );
  expect(dropped).toBeGreaterThan(0);
  const rules = execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' }).split('\n');
  const rule = rules.find((line) => line.includes(`ip daddr ${gateway} udp dport 53 update`));
  expect(Number(/counter packets (\d+)/.exec(rule ?? '')?.[1])).toBeGreaterThan(1_000);
});
