import { describe, expect, test } from 'vitest';
import { serviceNames } from './bus-access.ts';
import { inboxPrefix, jetStreamPrefix, type NatsImport, type NatsPermissions, natsAccounts } from './nats-accounts.ts';
import { renderNatsServerConfig } from './nats-server-config.ts';
import { buckets, keys, streams } from './topology.ts';

/** NATS subject matching: `*` is one token, `>` one or more at the end. */
function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const tokens = subject.split('.');
  for (const [i, token] of wanted.entries()) {
    if (token === '>') return tokens.length > i;
    if (tokens[i] === undefined || (token !== '*' && token !== tokens[i])) return false;
  }
  return wanted.length === tokens.length;
}

/** An installation with two cells. */
const participants = [
  ...serviceNames.filter((service) => service !== 'cell-rep').map((service) => ({ service })),
  ...['cell-1', 'cell-2'].map((cellId) => ({ service: 'cell-rep' as const, cellId })),
];
const accounts = natsAccounts(participants);
const users: Readonly<Record<string, NatsPermissions>> = Object.fromEntries(
  accounts.services.map(({ name, permissions }) => [name, permissions]),
);
const imports: Readonly<Record<string, readonly NatsImport[]>> = Object.fromEntries(
  accounts.services.map((account) => [account.name, account.imports]),
);

/** Who has this from the platform's account: may send it there, or hears it from there. */
const whoImports = (kind: NatsImport['kind'], subject: string): string[] =>
  Object.entries(imports).flatMap(([user, list]) =>
    list.some((each) => each.kind === kind && each.account === 'platform' && matches(each.subject, subject))
      ? [user]
      : [],
  );

const whoMay = (action: 'publish' | 'subscribe', subject: string): string[] =>
  Object.entries(users).flatMap(([user, permissions]) =>
    permissions[action].allow.some((pattern) => matches(pattern, subject)) ? [user] : [],
  );

const bothCells = ['cell-rep-cell-1', 'cell-rep-cell-2'];
const registrants = ['cloud-controller', 'uaa', 'log-cache', ...bothCells];

describe('each record has one writer', () => {
  test.each([
    [keys.desiredLrp('p'), buckets.desiredLrps.name, ['cloud-controller']],
    [keys.domain('cf-apps'), buckets.desiredLrps.name, ['cloud-controller']],
    [keys.placed('cell-1', 'g'), buckets.placements.name, ['scheduler']],
    [keys.unplaced('p', 0), buckets.placements.name, ['scheduler']],
    [keys.instance('cell-1', 'g'), buckets.instances.name, ['cell-rep-cell-1']],
    [keys.instance('cell-2', 'g'), buckets.instances.name, ['cell-rep-cell-2']],
    [keys.desiredTask('t'), buckets.tasks.name, ['cloud-controller']],
    [keys.tasksDomain, buckets.tasks.name, ['cloud-controller']],
    [keys.taskPlacement('t'), buckets.tasks.name, ['scheduler']],
    [keys.taskState('cell-1', 't'), buckets.tasks.name, ['cell-rep-cell-1']],
    [keys.taskState('cell-2', 't'), buckets.tasks.name, ['cell-rep-cell-2']],
    ['cell-1', buckets.cells.name, ['cell-rep-cell-1']],
    ['cell-1', buckets.cellDisks.name, ['cell-rep-cell-1']],
    [keys.schedulerLease, buckets.leases.name, ['scheduler']],
    [keys.wantedImage('d'), buckets.wantedImages.name, ['cloud-controller']],
    [keys.imagesDomain, buckets.wantedImages.name, ['cloud-controller']],
    [keys.networkPolicy('a', 'b'), buckets.networkPolicies.name, ['cloud-controller']],
    [keys.internalDomain('apps.internal'), buckets.networkPolicies.name, ['cloud-controller']],
    [keys.networkDomain, buckets.networkPolicies.name, ['cloud-controller']],
    ['another', buckets.leases.name, []],
  ])('%s in %s: %j', (key, bucket, writers) => {
    expect(whoImports('service', `$KV.${bucket}.${key}`)).toEqual(writers);
    expect(whoMay('publish', `${jetStreamPrefix}.$KV.${bucket}.${key}`)).toEqual(writers);
  });

  test('a cell whose id begins as another’s writes nothing of that one', () => {
    for (const subject of [`$KV.instances.${keys.instance('cell-11', 'g')}`, '$KV.cells.cell-11']) {
      expect(whoImports('service', subject)).toEqual([]);
    }
  });
});

describe('each subject has its publishers', () => {
  test.each([
    ['staging.request', ['cloud-controller']],
    ['staging.result', ['stager']],
    ['registry.check.request', ['cloud-controller']],
    ['registry.check.result', ['stager']],
    ['log.envelope.app', ['cloud-controller', 'stager', 'router', ...bothCells]],
    ['metrics.instances.cell-1', ['cell-rep-cell-1']],
    ['dead-letter.STAGING.stager', ['stager']],
    ['dead-letter.STAGING_RESULTS.cloud-controller', ['cloud-controller']],
    ['router.register', registrants],
    ['router.unregister', registrants],
    ['router.greet', registrants],
    ['router.start', ['router']],
  ])('%s: %j', (subject, publishers) => {
    expect(whoMay('publish', subject).toSorted()).toEqual(publishers.toSorted());
  });
});

describe('core subjects are heard only by whom they are for', () => {
  test.each([
    ['router.register', ['router']],
    ['router.unregister', ['router']],
    ['router.greet', ['router']],
    ['router.start', registrants],
    ['metrics.instances.cell-1', ['cloud-controller', 'log-cache']],
    // Through their streams, not as they pass.
    ['log.envelope.app', []],
    ['staging.request', []],
    ['registry.check.request', []],
    ['$KV.placements.placed.cell-1.g', []],
  ])('%s: %j', (subject, listeners) => {
    expect(whoMay('subscribe', subject).toSorted()).toEqual(listeners.toSorted());
  });

  test('each user hears its own inbox and no other', () => {
    for (const user of Object.keys(users)) expect(whoMay('subscribe', `${inboxPrefix(user)}.x.1`)).toEqual([user]);
    // A user whose name begins as another's has a prefix of its own all the same: the next token differs.
    expect(matches(`${inboxPrefix('cell-rep-cell-1')}.>`, `${inboxPrefix('cell-rep-cell-11')}.x`)).toBe(false);
  });
});

describe('between accounts goes only what both ends are for', () => {
  const everything = [
    ...Object.entries(imports).flatMap(([to, list]) => list.map((each) => ({ to, ...each }))),
    ...accounts.platform.map((each) => ({ to: 'platform', ...each })),
  ];

  test('what a service hears of another’s account is what the other publishes', () => {
    const heard = everything.filter(({ kind, account }) => kind === 'stream' && account !== 'platform');
    expect(heard.length).toBeGreaterThan(0);
    for (const { account, subject } of heard) expect(users[account]?.publish.allow).toContain(subject);
  });

  test('what a service asks of another is what the other answers', () => {
    const asked = everything.filter(({ kind, account }) => kind === 'service' && account !== 'platform');
    expect([...new Set(asked.map(({ account, subject }) => `${account} ${subject}`))]).toEqual(['router router.greet']);
  });

  test('nothing is imported twice under one name', () => {
    for (const [user, list] of Object.entries(imports)) {
      const names = list.map(({ kind, account, subject, to }) => `${kind} ${account} ${to ?? subject}`);
      expect(new Set(names).size, user).toBe(names.length);
    }
  });
});

describe('streams and buckets', () => {
  const kvStreams = Object.values(buckets).map(({ name }) => `KV_${name}`);
  const allStreams = [...Object.values(streams).map(({ name }) => name), ...kvStreams];

  test.each([
    ['STAGING', []],
    ['STAGING_RESULTS', []],
    ['LOGS', ['log-cache']],
    ['DEAD_LETTERS', []],
    ['KV_desired-lrps', ['cloud-controller', 'scheduler', ...bothCells]],
    ['KV_placements', ['cloud-controller', 'scheduler', ...bothCells]],
    ['KV_instances', ['cloud-controller', 'scheduler', ...bothCells]],
    ['KV_tasks', ['cloud-controller', 'scheduler', ...bothCells]],
    ['KV_cells', ['cloud-controller', 'scheduler', ...bothCells]],
    ['KV_cell-disks', ['cloud-controller']],
    ['KV_leases', ['scheduler', ...bothCells]],
    ['KV_wanted-images', ['cloud-controller', ...bothCells]],
  ])('%s is read by %j', (stream, readers) => {
    for (const who of [
      whoImports('service', `$JS.API.STREAM.MSG.GET.${stream}`),
      whoImports('service', `$JS.API.DIRECT.GET.${stream}.key`),
      whoImports('stream', `stored.${stream}.key`),
    ]) {
      expect(who.toSorted()).toEqual(readers.toSorted());
    }
  });

  test('a work queue is taken from through its own consumer only', () => {
    expect(whoImports('service', '$JS.API.CONSUMER.MSG.NEXT.STAGING.stager')).toEqual(['stager']);
    expect(whoImports('service', '$JS.API.CONSUMER.MSG.NEXT.STAGING_RESULTS.cloud-controller')).toEqual([
      'cloud-controller',
    ]);
    expect(whoImports('service', '$JS.API.CONSUMER.MSG.NEXT.STAGING.other')).toEqual([]);
  });

  test('nobody may make, delete or change a stream or a consumer, or delete a message', () => {
    for (const stream of allStreams) {
      for (const request of [
        'STREAM.CREATE',
        'STREAM.UPDATE',
        'STREAM.DELETE',
        'STREAM.MSG.DELETE',
        'STREAM.RESTORE',
        'STREAM.SNAPSHOT',
        'CONSUMER.CREATE',
      ]) {
        expect(whoImports('service', `$JS.API.${request}.${stream}`), request).toEqual([]);
      }
      expect(whoImports('service', `$JS.API.CONSUMER.CREATE.${stream}.c.filter`)).toEqual([]);
      expect(whoImports('service', `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.c`)).toEqual([]);
    }
  });

  test('old deletion markers are taken away by the scheduler, and by cloud-controller where only it writes', () => {
    const purging = allStreams.map((stream) => [stream, whoImports('service', `$JS.API.STREAM.PURGE.${stream}`)]);
    expect(Object.fromEntries(purging.filter(([, who]) => who?.length !== 0))).toEqual({
      'KV_desired-lrps': ['scheduler'],
      KV_placements: ['scheduler'],
      KV_instances: ['scheduler'],
      KV_tasks: ['scheduler'],
      'KV_wanted-images': ['cloud-controller'],
      'KV_network-policies': ['cloud-controller'],
    });
  });
});

test('no import and no permission is a wildcard over everything, or over all requests to JetStream', () => {
  const subjects = [
    ...Object.values(users).flatMap(({ publish, subscribe }) => [...publish.allow, ...subscribe.allow]),
    ...Object.values(imports).flatMap((list) => list.map(({ subject }) => subject)),
  ];
  for (const pattern of subjects) {
    expect(pattern).not.toMatch(
      /^(>|\*|stored\.(>|\*)|(platform\.JS\.API|\$JS\.API)\.(>|[A-Z]+\.>|\$KV\.>)|\$JS\.>|\$KV\.>|\$SYS)/,
    );
  }
});

test('only the router answers requests', () => {
  const answering = Object.entries(users).filter(([, permissions]) => permissions.allow_responses === true);
  expect(answering.map(([user]) => user)).toEqual(['router']);
});

test('the server is configured with an account for each user, open to exactly those who import from it', () => {
  const rendered = renderNatsServerConfig({
    host: '127.0.0.1',
    port: 4222,
    serverName: 'n',
    storeDir: '/store',
    operator: { user: 'operator', password: 'o' },
    participants: participants.map((each) => ({ ...each, password: `${each.service} secret` })),
  });
  interface Account {
    readonly users: readonly { readonly user: string; readonly password: string }[];
    readonly exports: readonly { readonly service?: string; readonly stream?: string; readonly accounts: string[] }[];
    readonly imports: readonly object[];
    readonly jetstream?: string;
  }
  const config = JSON.parse(rendered) as {
    readonly accounts: Readonly<Record<string, Account>>;
    readonly jetstream: { readonly store_dir: string; readonly max_file_store: number };
  };
  // Whatever is free on the disk when it starts.
  expect(config.jetstream).toEqual({ store_dir: '/store', max_file_store: 1297 * 1024 * 1024 });
  expect(Object.keys(config.accounts).toSorted()).toEqual(['platform', ...Object.keys(users)].toSorted());
  expect(config.accounts.platform?.users).toEqual([{ user: 'operator', password: 'o' }]);
  for (const [name, account] of Object.entries(config.accounts)) {
    expect(account.jetstream).toBe(name === 'platform' ? 'enabled' : undefined);
    if (name !== 'platform') expect(account.users).toMatchObject([{ user: name, permissions: users[name] }]);
    // An export without a list of accounts would be open to all.
    for (const each of account.exports) expect(each.accounts.length).toBeGreaterThan(0);
  }
  const staging = config.accounts.platform?.exports.find(({ service }) => service === 'staging.request');
  expect(staging?.accounts).toEqual(['cloud-controller']);
});
