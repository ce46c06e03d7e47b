import { describe, expect, test } from 'vitest';
import { natsServiceUser, renderNatsServerConfig } from './nats-server-config.ts';
import { busAccess, inboxPrefix, type NatsPermissions, natsPermissions, serviceNames } from './permissions.ts';
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

/** Every user of an installation with two cells. */
const users: Readonly<Record<string, NatsPermissions>> = Object.fromEntries([
  ...serviceNames
    .filter((service) => service !== 'cell-rep')
    .map((service) => [service, natsPermissions(busAccess(service), service)] as const),
  ...['cell-1', 'cell-2'].map((cellId) => {
    const user = `cell-rep-${cellId}`;
    return [user, natsPermissions(busAccess('cell-rep', cellId), user)] as const;
  }),
]);

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
    [keys.schedulerLease, buckets.leases.name, ['scheduler']],
    ['another', buckets.leases.name, []],
  ])('%s in %s: %j', (key, bucket, writers) => {
    expect(whoMay('publish', `$KV.${bucket}.${key}`)).toEqual(writers);
  });

  test('a cell whose id begins as another’s writes nothing of that one', () => {
    const { publish } = natsPermissions(busAccess('cell-rep', 'cell-1'), 'cell-rep-cell-1');
    for (const subject of [`$KV.instances.${keys.instance('cell-11', 'g')}`, '$KV.cells.cell-11']) {
      expect(publish.allow.some((pattern) => matches(pattern, subject))).toBe(false);
    }
  });
});

describe('each subject has its publishers', () => {
  test.each([
    ['staging.request', ['cloud-controller']],
    ['staging.result', ['stager']],
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
    ['metrics.instances.cell-1', ['cloud-controller']],
    // Through their streams, not as they pass.
    ['log.envelope.app', []],
    ['staging.request', []],
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

describe('streams and buckets', () => {
  const kvStreams = Object.values(buckets).map(({ name }) => `KV_${name}`);
  const allStreams = [...Object.values(streams).map(({ name }) => name), ...kvStreams];

  test.each([
    ['STAGING', ['stager']],
    ['STAGING_RESULTS', ['cloud-controller']],
    ['LOGS', ['log-cache']],
    ['DEAD_LETTERS', []],
    ['KV_desired-lrps', ['cloud-controller', 'scheduler', ...bothCells]],
    ['KV_placements', ['cloud-controller', 'scheduler', ...bothCells]],
    ['KV_instances', ['cloud-controller', 'scheduler', ...bothCells]],
    ['KV_tasks', ['cloud-controller', 'scheduler', ...bothCells]],
    ['KV_cells', ['cloud-controller', 'scheduler', ...bothCells]],
    ['KV_leases', ['scheduler', ...bothCells]],
  ])('%s is read by %j', (stream, readers) => {
    const durable = { STAGING: 'stager', STAGING_RESULTS: 'cloud-controller' }[stream] ?? 'c';
    expect(whoMay('publish', `$JS.API.CONSUMER.CREATE.${stream}.${durable}.filter`).toSorted()).toEqual(
      readers.toSorted(),
    );
  });

  test('a work queue is taken from through its own consumer only', () => {
    expect(whoMay('publish', '$JS.API.CONSUMER.CREATE.STAGING.other')).toEqual([]);
    expect(whoMay('publish', '$JS.API.CONSUMER.MSG.NEXT.STAGING.other')).toEqual([]);
    expect(whoMay('publish', '$JS.API.STREAM.MSG.GET.STAGING')).toEqual([]);
  });

  test('nobody may delete or change a stream, or delete a message', () => {
    for (const stream of allStreams) {
      for (const request of [
        'STREAM.DELETE',
        'STREAM.UPDATE',
        'STREAM.MSG.DELETE',
        'STREAM.RESTORE',
        'STREAM.SNAPSHOT',
      ]) {
        expect(whoMay('publish', `$JS.API.${request}.${stream}`), request).toEqual([]);
      }
    }
  });

  test('only the scheduler takes old deletion markers away, of buckets whose keys are used once', () => {
    const purged = allStreams.filter((stream) => whoMay('publish', `$JS.API.STREAM.PURGE.${stream}`).length > 0);
    expect(purged.toSorted()).toEqual(['KV_desired-lrps', 'KV_instances', 'KV_placements', 'KV_tasks']);
    for (const stream of purged) expect(whoMay('publish', `$JS.API.STREAM.PURGE.${stream}`)).toEqual(['scheduler']);
  });

  test('whoever publishes to a stream may make it, so that a lost store heals', () => {
    for (const service of serviceNames) {
      const access = busAccess(service, 'cell-1');
      const { publish } = natsPermissions(access, service);
      const used = [
        ...access.streams.map(({ name }) => name),
        ...access.consume.map(({ stream }) => stream.name),
        ...access.kvWrite.map(({ bucket }) => `KV_${bucket.name}`),
        ...access.kvRead.map(({ name }) => `KV_${name}`),
      ];
      for (const stream of used) {
        expect(publish.allow).toContain(`$JS.API.STREAM.CREATE.${stream}`);
        expect(publish.allow).toContain(`$JS.API.STREAM.INFO.${stream}`);
      }
    }
  });
});

test('no permission is a wildcard over everything, or over all requests to JetStream', () => {
  for (const { publish, subscribe } of Object.values(users)) {
    for (const pattern of [...publish.allow, ...subscribe.allow]) {
      expect(pattern).not.toMatch(/^(>|\*|\$JS\.(>|API\.>)|\$JS\.API\.[A-Z]+\.>|\$KV\.>|\$SYS)/);
    }
  }
});

test('only the router answers requests', () => {
  const answering = Object.entries(users).filter(([, permissions]) => permissions.allow_responses === true);
  expect(answering.map(([user]) => user)).toEqual(['router']);
});

test('the server is configured with each user, its password and its permissions', () => {
  const rendered = renderNatsServerConfig({
    host: '127.0.0.1',
    port: 4222,
    serverName: 'n',
    storeDir: '/store',
    users: [
      natsServiceUser('uaa', 'secret'),
      natsServiceUser('cell-rep', 'other', 'cell-1'),
      { user: 'operator', password: 'o' },
    ],
  });
  const { authorization, jetstream } = JSON.parse(rendered) as {
    authorization: { users: Record<string, unknown>[] };
    jetstream: { store_dir: string; max_file_store: number };
  };
  // Whatever is free on the disk when it starts.
  expect(jetstream).toEqual({ store_dir: '/store', max_file_store: 800 * 1024 * 1024 });
  expect(authorization.users).toEqual([
    { user: 'uaa', password: 'secret', permissions: users.uaa },
    { user: 'cell-rep-cell-1', password: 'other', permissions: users['cell-rep-cell-1'] },
    { user: 'operator', password: 'o' },
  ]);
});
