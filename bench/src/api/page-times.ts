import type { ApiPlatform } from './api-platform.ts';
import { type CpuUsed, cpuOf } from './cpu-time.ts';
import type { HttpClient } from './http-client.ts';
import type { Tenancy } from './seed-apps.ts';

const PER_PAGE = 50;
/** Requests that are measured together, and how often: the median of these is the figure. */
const BATCH = 5;
const ROUNDS = 9;

export interface PageTime {
  /** Processor time, cloud-controller's and the database's together. */
  readonly ms: number;
  /** How many rows the whole list has. Where these grow, so does the way to a page in their middle. */
  readonly listed: number;
}

/** By list and page. */
export type PageTimes = ReadonlyMap<string, PageTime>;

interface Page {
  readonly name: string;
  readonly client: HttpClient;
  readonly path: string;
  readonly listed: number;
}

/** Lists whose pages are to take the same however many apps there are, each by its first, middle and last page. */
export async function measurePages(
  platform: ApiPlatform,
  clients: { readonly admin: HttpClient; readonly member: HttpClient },
  tenancy: Tenancy,
): Promise<PageTimes> {
  const { admin, member } = clients;
  const lists: readonly (readonly [string, HttpClient, string])[] = [
    ['apps', admin, '/v3/apps?'],
    ['apps by name', admin, '/v3/apps?order_by=name'],
    ['apps by update, newest first', admin, '/v3/apps?order_by=-updated_at'],
    ['apps with a label that all have', admin, '/v3/apps?label_selector=all=yes'],
    ['apps with a label of a tenth', admin, '/v3/apps?label_selector=tenth=3'],
    ['apps with a label of one', admin, '/v3/apps?label_selector=one=17'],
    ['apps without a label', admin, '/v3/apps?label_selector=!missing'],
    ['apps of a name', admin, '/v3/apps?names=app-17'],
    ['apps of a space', admin, `/v3/apps?space_guids=${tenancy.ownSpace}`],
    ['apps of a large space', admin, `/v3/apps?space_guids=${tenancy.largeSpace}`],
    ['apps of an organization', admin, `/v3/apps?organization_guids=${tenancy.organization}`],
    ['apps of a large organization', admin, `/v3/apps?organization_guids=${tenancy.largeOrganization}`],
    ['apps made lately', admin, '/v3/apps?created_ats[gt]=2020-01-01T00:00:00Z'],
    ['apps that a member sees', member, '/v3/apps?'],
    ['apps that a member sees, by name', member, '/v3/apps?order_by=name'],
    ['apps with a label that a member sees', member, '/v3/apps?label_selector=all=yes'],
    ['processes', admin, '/v3/processes?'],
    ['processes that a member sees', member, '/v3/processes?'],
    ['audit events', admin, '/v3/audit_events?'],
    ['audit events that a member sees', member, '/v3/audit_events?'],
  ];
  await platform.settle();
  const pages: Page[] = [];
  for (const [name, client, path] of lists) {
    const { pagination } = await client.json('GET', `${path}&per_page=${PER_PAGE}`);
    const last: number = pagination.total_pages;
    const listed: number = pagination.total_results;
    const numbers = { first: 1, middle: Math.ceil(last / 2), last };
    for (const [which, page] of Object.entries(numbers)) {
      pages.push({ name: `${name}: ${which}`, client, path: `${path}&per_page=${PER_PAGE}&page=${page}`, listed });
    }
  }
  const samples = new Map<string, number[]>(pages.map(({ name }) => [name, []]));
  // In turns, so that what disturbs one disturbs all.
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, client, path } of pages) {
      const used = await cpuOf(platform.pid, platform.databasePid, async () => {
        for (let n = 0; n < BATCH; n++) await client.get(path);
      });
      samples.get(name)?.push(total(used) / BATCH);
    }
  }
  return new Map(pages.map(({ name, listed }) => [name, { ms: median(samples.get(name) ?? []), listed }]));
}

const total = ({ service, database }: CpuUsed): number => service + database;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
