import { execFile, execFileSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { promisify } from 'node:util';
import { answering, connectFrom, NetworkProcesses } from '@slipway/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CellNetwork, type ContainerNetwork } from './cell-network.ts';
import { firewallRules } from './firewall.ts';
import { parseSubnet } from './subnet.ts';
import { defaultRouteDevice } from './uplink.ts';

describe('subnet', () => {
  test('addresses are handed out from the third on, up to the one before the broadcast', () => {
    const subnet = parseSubnet('10.254.0.0/22');
    expect(subnet.gateway).toBe('10.254.0.1');
    expect(subnet.address(0)).toBe('10.254.0.2');
    expect(subnet.size).toBe(1021);
    expect(subnet.address(1020)).toBe('10.254.3.254');
    expect(() => subnet.address(1021)).toThrow(RangeError);
  });
  test.each(['10.254.0.0', '10.254.0.1/22', '10.254.0.0/30', '10.0.0.0/7', '300.0.0.0/24', 'x/24', '::/64'])(
    '%s is refused',
    (cidr) => {
      expect(() => parseSubnet(cidr)).toThrow(expect.objectContaining({ code: 'CELL_CONFIG_INVALID' }));
    },
  );
});

test('the device of the default route is found', () => {
  const table =
    'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\neth1\t0000A8C0\t0\t1\t0\t0\t0\t00FFFFFF\neth0\t00000000\t0102000A\t3\t0\t0\t0\t00000000\n';
  expect(defaultRouteDevice(table)).toBe('eth0');
  expect(defaultRouteDevice('Iface\n')).toBeUndefined();
});

test('sources that may open connections to containers are listed one by one', () => {
  const rules = firewallRules({
    table: 't',
    devicePrefix: 'a-',
    anyCellPrefix: 'a',
    subnet: '10.0.0.0/24',
    logGroup: 1,
    reachableFrom: ['192.0.2.0/24'],
  });
  const chain = /chain to-container \{([^}]*)\}/.exec(rules)?.[1] ?? '';
  expect(chain.indexOf('ip saddr 192.0.2.0/24 accept')).toBeGreaterThan(0);
  expect(chain.trimEnd().endsWith('counter drop')).toBe(true);
});

const run = promisify(execFile);

describe('containers in a cell', { tags: 'root' }, () => {
  const cell = `net-test-${randomBytes(3).toString('hex')}`;
  const subnet = `10.${randomInt(200, 250)}.${randomInt(256)}.0/28`;
  const network = new CellNetwork({ cell, subnet, reachableFrom: [] });
  const processes = new NetworkProcesses();
  const places: ContainerNetwork[] = [];
  let host: Server;
  let hostPort: number;

  async function connectFromHost(address: string): Promise<string> {
    return await connectFrom(process.pid, address, 8080);
  }

  const pids: number[] = [];
  beforeAll(async () => {
    await network.open();
    await network.open();
    for (let i = 0; i < 2; i += 1) {
      const pid = await processes.start(answering([8080]));
      const place = network.place(i);
      network.connect(place, pid);
      pids.push(pid);
      places.push(place);
    }
    host = createServer((socket) => socket.end('host')).listen(0, '0.0.0.0');
    await new Promise((resolve) => host.once('listening', resolve));
    const address = host.address();
    hostPort = typeof address === 'object' && address !== null ? address.port : 0;
  });
  afterAll(async () => {
    host.close();
    processes.end();
    await network.teardown();
    await network.teardown();
    expect(network.devices()).toEqual([]);
    expect(execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' })).not.toContain(cell.replaceAll('-', '_'));
    expect(execFileSync('ip', ['route', 'show', 'root', network.subnet.cidr], { encoding: 'utf8' })).toBe('');
  });
  const at = (i: number): { readonly pid: number; readonly place: ContainerNetwork } => {
    const [pid, place] = [pids[i], places[i]];
    if (pid === undefined || place === undefined) throw new Error(`no container ${i}`);
    return { pid, place };
  };

  test('the host reaches each at its own address, and is seen there as the gateway', async () => {
    expect(await connectFromHost(at(0).place.address)).toBe(network.subnet.gateway);
    expect(await connectFromHost(at(1).place.address)).toBe(network.subnet.gateway);
  });

  test('an address that no container has leads nowhere, at once', async () => {
    expect(await connectFromHost(network.place(2).address)).toBe('EHOSTUNREACH');
  });

  test('each has loopback and an eth0 without IPv6 on the host end', async () => {
    expect(await connectFrom(at(0).pid, '127.0.0.1', 8080)).toBe('127.0.0.1');
    expect(await connectFrom(at(0).pid, at(0).place.address, 8080)).toBe(at(0).place.address);
    const link = execFileSync('ip', ['addr', 'show', 'dev', at(0).place.hostDevice], { encoding: 'utf8' });
    expect(link).not.toContain('inet6');
  });

  test("none reaches the host's ports, by any of its addresses", async () => {
    expect(await connectFrom(process.pid, network.subnet.gateway, hostPort)).toBe('host');
    expect(await connectFrom(at(0).pid, network.subnet.gateway, hostPort)).toBe('ECONNREFUSED');
    const own = execFileSync('ip', ['-4', '-o', 'addr', 'show', 'scope', 'global'], { encoding: 'utf8' })
      .split('\n')
      .map((line) => /inet ([\d.]+)/.exec(line)?.[1])
      .find((address) => address !== undefined && address !== network.subnet.gateway);
    if (own !== undefined) expect(await connectFrom(at(0).pid, own, hostPort)).toBe('ECONNREFUSED');
  });

  test('none reaches another', async () => {
    expect(await connectFrom(at(0).pid, at(1).place.address, 8080)).toBe('ECONNREFUSED');
    expect(await connectFrom(at(1).pid, at(0).place.address, 8080)).toBe('ECONNREFUSED');
  });

  test('a packet with a source that is not its own is dropped', async () => {
    const dropped = (): number => {
      const rules = execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' }).split('\n');
      const rule = rules.find(
        (line) => line.includes('fib saddr') && line.includes(at(1).place.hostDevice.split('-')[0] ?? '-'),
      );
      return Number(/counter packets (\d+)/.exec(rule ?? '')?.[1]);
    };
    const send = async (source: string): Promise<void> => {
      const code = `const u = require('dgram').createSocket('udp4');
        u.bind(0, '${source}', () => u.send('x', 9999, '${network.subnet.gateway}', () => process.exit()))`;
      await run('nsenter', ['--net', '--target', String(at(1).pid), process.execPath, '-e', code]);
    };
    const before = dropped();
    await send(at(1).place.address);
    expect(dropped()).toBe(before);
    const forged = network.subnet.address(7);
    execFileSync('nsenter', [
      '--net',
      '--target',
      String(at(1).pid),
      'ip',
      'addr',
      'add',
      `${forged}/32`,
      'dev',
      'eth0',
    ]);
    await send(forged);
    expect(dropped()).toBe(before + 1);
  });

  test('a link can be made again at the same place, and goes with its process', async () => {
    const pid = await processes.start(answering([8080]));
    network.connect(at(1).place, pid);
    expect(await connectFromHost(at(1).place.address)).toBe(network.subnet.gateway);
    network.disconnect(at(1).place.hostDevice);
    network.disconnect(at(1).place.hostDevice);
    expect(network.devices()).toEqual([at(0).place.hostDevice]);
  });
});
