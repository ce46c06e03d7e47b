// @module-tag root
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { answering, attachNeighbour, connectFrom, inNetworkOf, NetworkProcesses, sendFrom } from '@slipway/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GardenError } from '../errors.ts';
import { type CommandRunner, runCommand } from '../runtime/command.ts';
import { CellNetwork, type ContainerNetwork } from './cell-network.ts';
import type { EgressRule } from './egress-rules.ts';
import type { PacketNews } from './packet-log.ts';

// Two containers of a cell, and another machine that has four addresses, one of them link-local and one of a cloud's metadata.
const cell = `egress-test-${randomBytes(3).toString('hex')}`;
/** Once: nft does what it is told, and whoever asked hears of a deadline. */
let late = false;
const run: CommandRunner = async (...command) => {
  const output = await runCommand(...command);
  if (!late) return output;
  late = false;
  throw new GardenError('RUNTIME_TIMEOUT', 'network', 'nft did not end');
};
const subnet = `10.${randomInt(200, 250)}.${randomInt(256)}.0/28`;
const network = new CellNetwork({ cell, subnet, reachableFrom: [] }, run);
const processes = new NetworkProcesses();
const group = `198.19.${randomInt(256)}`;
const [near, far, linkLocal, metadata] = [
  `${group}.10`,
  `${group}.200`,
  `169.254.${randomInt(1, 255)}.77`,
  '100.100.100.200',
];
const pids: number[] = [];
const places: ContainerNetwork[] = [];
const news: PacketNews[] = [];
let neighbour: { readonly detach: () => void };

beforeAll(async () => {
  await network.open();
  const outside = await processes.start(answering([7001, 7002, 7003], [7004]));
  neighbour = attachNeighbour(outside, [near, far, linkLocal, metadata]);
  for (let i = 0; i < 2; i += 1) {
    const pid = await processes.start(answering([8080]));
    network.connect(network.place(i), pid);
    pids.push(pid);
    places.push(network.place(i));
  }
  network.followPackets((each) => news.push(each));
});
afterAll(async () => {
  network.close();
  processes.end();
  neighbour.detach();
  await network.teardown();
});

const pid = (i: number): number => pids[i] ?? 0;
const address = (i: number): string => places[i]?.address ?? '';
const allow = (i: number, rules: readonly EgressRule[] | undefined): Promise<void> => network.allow(address(i), rules);
/** As the outside sees the machine, whose address the packets have. */
const reached = expect.stringMatching(/^198\.18\.\d+\.1$/);
const refused = 'ECONNREFUSED';
const ruleset = (): string => execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' });
const table = (): string => {
  const name = /table inet (slipway_egress_test\w+|slipway_egress-test[\w-]+)/.exec(ruleset())?.[1] ?? '';
  return execFileSync('nft', ['list', 'table', 'inet', name], { encoding: 'utf8' });
};

test('without rules everything is reached but what nobody may reach', async () => {
  expect(await connectFrom(pid(0), near, 7001)).toEqual(reached);
  expect(await connectFrom(pid(0), far, 7002)).toEqual(reached);
  expect(await sendFrom(pid(0), near, 7004)).toEqual(reached);
  expect(await connectFrom(pid(0), linkLocal, 7001)).toBe(refused);
  expect(await connectFrom(pid(0), metadata, 7001)).toBe(refused);
  expect(await sendFrom(pid(0), metadata, 7004)).toBe(refused);
});

test('with rules that is reached which one of them lets pass, and nothing else', async () => {
  await allow(0, [
    { protocol: 'tcp', destinations: [`${group}.0-${group}.20`], ports: ['7001', '7003-7010'] },
    { protocol: 'udp', destinations: [`${near}/32`], ports: ['7004'] },
  ]);
  expect(await connectFrom(pid(0), near, 7001)).toEqual(reached);
  expect(await connectFrom(pid(0), near, 7003)).toEqual(reached);
  expect(await connectFrom(pid(0), near, 7002)).toBe(refused);
  expect(await connectFrom(pid(0), far, 7001)).toBe(refused);
  expect(await sendFrom(pid(0), near, 7004)).toEqual(reached);
  expect(await sendFrom(pid(0), far, 7004)).toBe(refused);
  // The other one has none.
  expect(await connectFrom(pid(1), far, 7001)).toEqual(reached);
});

test('an empty list lets nothing pass, and rules that go leave what there was without any', async () => {
  await allow(0, []);
  expect(await connectFrom(pid(0), near, 7001)).toBe(refused);
  await allow(0, undefined);
  expect(await connectFrom(pid(0), near, 7001)).toEqual(reached);
});

test('no rule opens the host, link-local and metadata addresses, or another container', async () => {
  await allow(0, [{ protocol: 'all', destinations: ['0.0.0.0/0'] }]);
  expect(await connectFrom(pid(0), far, 7002)).toEqual(reached);
  expect(await connectFrom(pid(0), linkLocal, 7001)).toBe(refused);
  expect(await connectFrom(pid(0), metadata, 7001)).toBe(refused);
  expect(await connectFrom(pid(0), network.subnet.gateway, 22)).toBe(refused);
  expect(await connectFrom(pid(0), address(1), 8080)).toBe(refused);
});

test('nor ports of the platform on other machines, while they are named', async () => {
  await network.deny([
    { address: far, port: 7001 },
    { address: far, port: 7001 },
  ]);
  expect(await connectFrom(pid(0), far, 7001)).toBe(refused);
  expect(await connectFrom(pid(0), far, 7002)).toEqual(reached);
  await network.deny([]);
  expect(await connectFrom(pid(0), far, 7001)).toEqual(reached);
});

test('icmp is let pass by type and code', async () => {
  const ping = (): string => {
    try {
      execFileSync('nsenter', ['--net', '--target', String(pid(0)), 'busybox', 'ping', '-c', '1', '-W', '3', near]);
      return 'answer';
    } catch {
      return 'none';
    }
  };
  await allow(0, [{ protocol: 'icmp', destinations: [near], icmp: { type: 8, code: -1 } }]);
  expect(ping()).toBe('answer');
  await allow(0, [{ protocol: 'icmp', destinations: [near], icmp: { type: 8, code: 0 } }]);
  expect(ping()).toBe('answer');
  await allow(0, [{ protocol: 'icmp', destinations: [near], icmp: { type: 13, code: 0 } }]);
  expect(ping()).toBe('none');
});

test('connections that are open go on when rules change', async () => {
  const outside = await processes.start(
    `require('net').createServer((s) => s.pipe(s)).listen(7005, '0.0.0.0', () => console.log('up'))`,
  );
  const own = `${group}.99`;
  const other = attachNeighbour(outside, [own]);
  try {
    await allow(0, [{ protocol: 'tcp', destinations: [own], ports: ['7005'] }]);
    const code = `const s = require('net').connect(7005, '${own}', () => s.write('one'));
      s.on('error', (e) => { console.log(e.code); process.exit() });
      s.once('data', () => { console.log('open'); process.stdin.once('data', () => { s.write('two'); s.once('data', (d) => { console.log(String(d)); process.exit() }) }) });`;
    const child = spawn('nsenter', ['--net', '--target', String(pid(0)), process.execPath, '-e', code]);
    const line = (): Promise<string> =>
      new Promise((resolve) => child.stdout.once('data', (d) => resolve(String(d).trim())));
    expect(await line()).toBe('open');
    await allow(0, []);
    expect(await connectFrom(pid(0), own, 7005)).toBe(refused);
    child.stdin.write('go\n');
    expect(await line()).toBe('two');
  } finally {
    other.detach();
  }
});

test('what is refused is told of, and what a rule with log lets pass, but not what another lets pass too', async () => {
  await allow(0, [{ protocol: 'tcp', destinations: [far], ports: ['7001'], log: true }]);
  expect(await connectFrom(pid(0), far, 7001)).toEqual(reached);
  await expect.poll(() => news.at(-1), { timeout: 20_000 }).toMatchObject({ verdict: 'accepted', destination: far });
  news.length = 0;
  await allow(0, [
    { protocol: 'tcp', destinations: [near], ports: ['7001-7002'], log: true },
    { protocol: 'tcp', destinations: [near], ports: ['7002'] },
  ]);
  expect(await connectFrom(pid(0), near, 7002)).toEqual(reached);
  expect(await connectFrom(pid(0), near, 7001)).toEqual(reached);
  expect(await connectFrom(pid(0), near, 7003)).toBe(refused);
  await expect.poll(() => news.length, { timeout: 20_000 }).toBeGreaterThan(1);
  const source = address(0);
  expect(news).toEqual([
    { verdict: 'accepted', protocol: 'tcp', source, destination: near, port: 7001 },
    { verdict: 'refused', protocol: 'tcp', source, destination: near, port: 7003 },
  ]);
});

test('a cell that is opened again has its containers within their rules from the first moment', async () => {
  const rules: EgressRule[] = [{ protocol: 'tcp', destinations: [near], ports: ['7001'] }];
  await network.open([{ address: address(0), rules }]);
  expect(await connectFrom(pid(0), near, 7001)).toEqual(reached);
  expect(await connectFrom(pid(0), near, 7002)).toBe(refused);
  await allow(0, undefined);
  expect(await connectFrom(pid(0), near, 7002)).toEqual(reached);
});

test('containers with equal rules share a chain; one that nobody uses goes; hundreds change in one transaction', async () => {
  await network.open();
  const rule = (port: number): EgressRule => ({ protocol: 'tcp', destinations: [near, far], ports: [String(port)] });
  const everywhere = Array.from({ length: 12 }, (_, i) => network.place(i).address);
  await Promise.all(everywhere.map((each) => network.allow(each, [rule(7001)])));
  expect(table().match(/chain rules-/g)).toHaveLength(1);
  await Promise.all(everywhere.map((each, i) => network.allow(each, [rule(i < 6 ? 7002 : 7003)])));
  expect(table().match(/chain rules-/g)).toHaveLength(2);
  expect(await connectFrom(pid(0), near, 7002)).toEqual(reached);
  expect(await connectFrom(pid(0), near, 7001)).toBe(refused);
  await Promise.all(everywhere.map((each) => network.allow(each, undefined)));
  expect(table()).not.toContain('chain rules-');
  // 500 rules of all kinds, as for a space with many groups.
  const many = Array.from(
    { length: 500 },
    (_, i): EgressRule => ({ protocol: 'tcp', destinations: [`10.${i % 250}.0.0/16`], ports: [String(1000 + i)] }),
  );
  await network.allow(address(0), [...many, rule(7001)]);
  expect(await connectFrom(pid(0), near, 7001)).toEqual(reached);
  expect(await inNetworkOf(pid(0), `console.log('still here')`)).toBe('still here');
});

test('a change that nft refuses is an error, and changes nothing', async () => {
  await network.open();
  await allow(0, [{ protocol: 'tcp', destinations: [near], ports: ['7001'] }]);
  const bad: EgressRule[] = [{ protocol: 'tcp', destinations: ['999.0.0.0'], ports: ['99999'] }];
  await expect(allow(0, bad)).rejects.toMatchObject({ code: 'RUNTIME_FAILED', phase: 'network' });
  expect(await connectFrom(pid(0), near, 7001)).toEqual(reached);
  expect(await connectFrom(pid(0), near, 7002)).toBe(refused);
});

test('after a change of which nobody knows whether it was made, the next one puts everything right', async () => {
  await network.open();
  const only = (port: number): EgressRule[] => [{ protocol: 'tcp', destinations: [near], ports: [String(port)] }];
  await allow(0, only(7001));
  await allow(1, only(7001));
  late = true;
  await expect(allow(0, only(7002))).rejects.toMatchObject({ code: 'RUNTIME_TIMEOUT' });
  await allow(0, only(7003));
  expect(await connectFrom(pid(0), near, 7003)).toEqual(reached);
  expect(await connectFrom(pid(0), near, 7002)).toBe(refused);
  expect(await connectFrom(pid(1), near, 7001)).toEqual(reached);
  await allow(1, only(7003));
  await allow(0, undefined);
  expect(await connectFrom(pid(1), near, 7001)).toBe(refused);
  expect(await connectFrom(pid(0), near, 7001)).toEqual(reached);
});
