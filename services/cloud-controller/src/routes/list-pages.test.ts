import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import type { Client } from '../../testing/client.ts';
import { createApp, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

interface Made {
  readonly name: string;
  readonly own: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

/** In the order of their making, which is neither that of their names nor of their labels. */
const made: readonly Made[] = Array.from({ length: 13 }, (_, n) => ({
  name: `app-${(n * 5) % 13}`.padEnd(7, 'x'),
  own: n % 3 === 0,
  labels: { all: 'yes', third: String(n % 3), ...(n % 4 === 0 ? { rare: 'yes' } : {}) },
}));

const byName = (a: Made, b: Made): number => (a.name < b.name ? -1 : 1);

const lists: readonly { readonly query: string; readonly expected: (apps: readonly Made[]) => readonly Made[] }[] = [
  { query: '', expected: (apps) => apps },
  { query: 'order_by=name', expected: (apps) => apps.toSorted(byName) },
  { query: 'order_by=-name', expected: (apps) => apps.toSorted(byName).reverse() },
  { query: 'order_by=-created_at', expected: (apps) => apps.toReversed() },
  { query: 'label_selector=all', expected: (apps) => apps },
  { query: 'label_selector=third=1', expected: (apps) => apps.filter(({ labels }) => labels.third === '1') },
  {
    query: 'label_selector=third in (0,2)&order_by=-name',
    expected: (apps) =>
      apps
        .filter(({ labels }) => labels.third !== '1')
        .toSorted(byName)
        .reverse(),
  },
  { query: 'label_selector=!rare', expected: (apps) => apps.filter(({ labels }) => labels.rare === undefined) },
  { query: 'label_selector=third!=0', expected: (apps) => apps.filter(({ labels }) => labels.third !== '0') },
  {
    query: 'label_selector=!rare,third=2',
    expected: (apps) => apps.filter(({ labels }) => labels.rare === undefined && labels.third === '2'),
  },
  { query: 'label_selector=missing', expected: () => [] },
  { query: 'created_ats[gte]=2020-01-01T00:00:00Z', expected: (apps) => apps },
  { query: 'created_ats[lt]=2020-01-01T00:00:00Z', expected: () => [] },
  {
    query: 'names=app-5xx,app-7xx&order_by=name',
    expected: (apps) => apps.filter(({ name }) => ['app-5xx', 'app-7xx'].includes(name)).toSorted(byName),
  },
];

/** All pages, one after the other, as long as there are some. */
async function allPages(client: Client, query: string, perPage: number): Promise<string[]> {
  const names: string[] = [];
  for (let page = 1; ; page++) {
    const { body } = await client.get(`/v3/apps?${encodeURI(query)}&per_page=${perPage}&page=${page}`);
    names.push(...body.resources.map(({ name }: { readonly name: string }) => name));
    if (page >= body.pagination.total_pages) {
      expect(body.pagination.total_results).toBe(names.length);
      const beyond = await client.get(`/v3/apps?${encodeURI(query)}&per_page=${perPage}&page=${page + 1}`);
      expect(beyond.body).toMatchObject({ resources: [], pagination: { total_results: names.length } });
      return names;
    }
  }
}

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);

  test('pages of any size, put together, are the list, whoever asks, whatever is asked for', async () => {
    const { admin, as } = suite.api;
    const other = await createSpace(admin);
    for (const { name, own, labels } of made) {
      await createApp(admin, own ? suite.spaceGuid : other.spaceGuid, name, { metadata: { labels } });
    }
    const user = suite.issuer.addUser('reader');
    const to = (guid: string) => ({ data: { guid } });
    await admin.post('/v3/roles', {
      type: 'organization_user',
      relationships: { user: { data: { username: 'reader' } }, organization: to(suite.organizationGuid) },
    });
    await admin.post('/v3/roles', {
      type: 'space_auditor',
      relationships: { user: to(user), space: to(suite.spaceGuid) },
    });
    const member = as(await suite.issuer.token({ userGuid: user, scopes: ['cloud_controller.read'] }));
    for (const { query, expected } of lists) {
      for (const perPage of [1, 2, 5, 20]) {
        const seen = await allPages(admin, query, perPage);
        expect(seen, `${query} by ${perPage}`).toEqual(expected(made).map(({ name }) => name));
        const own = expected(made.filter((app) => app.own)).map(({ name }) => name);
        expect(await allPages(member, query, perPage), `${query} by ${perPage}, of a member`).toEqual(own);
      }
    }
    const organizations = [suite.organizationGuid, other.organizationGuid];
    for (const some of [organizations.slice(0, 1), organizations.slice(1), organizations]) {
      const names = made.filter(({ own }) => some.includes(organizations[own ? 0 : 1] ?? '')).map(({ name }) => name);
      for (const perPage of [2, 5]) {
        expect(await allPages(admin, `organization_guids=${some.join()}`, perPage)).toEqual(names);
      }
    }
  });
});
