import {
  type Digest,
  type DropletRegistry,
  isDigest,
  type RegistryClient,
  type RegistryCredentials,
  type RepositoryClient,
} from '@slipway/oci';
import { z } from 'zod';

/** One copied image in the droplet registry. */
export interface Copy {
  readonly repository: string;
  readonly digest: Digest;
}

const PAGE = 1_000;
const MAX_PAGE_BYTES = 4 * 1024 * 1024;
const catalogSchema = z.object({ repositories: z.array(z.string()).nullable() });
const tagsSchema = z.object({ tags: z.array(z.string()).nullish() });

/** All copies below the prefix, by their tags. Needs a registry with `_catalog`, as CNCF Distribution has. @throws RegistryError */
export async function* listCopies(
  client: RegistryClient,
  { registry, prefix }: DropletRegistry,
  credentials: RegistryCredentials | undefined,
): AsyncGenerator<Copy, void, undefined> {
  const catalog = client.catalog(registry, { credentials });
  for await (const page of pages(catalog, '_catalog', 'the list of repositories', catalogSchema)) {
    const repositories = (page.repositories ?? []).filter((name) => prefix === '' || name.startsWith(`${prefix}/`));
    for (const repository of repositories) {
      const reader = client.repository({ registry, repository }, { credentials });
      for await (const { tags } of pages(reader, 'tags/list', `the tags of ${repository}`, tagsSchema)) {
        for (const tag of tags ?? []) {
          const digest = tag.replace(/^slipway-/, 'sha256:');
          if (tag !== digest && isDigest(digest)) yield { repository, digest };
        }
      }
    }
  }
}

async function* pages<T>(
  reader: RepositoryClient,
  path: string,
  what: string,
  schema: z.ZodType<T>,
): AsyncGenerator<T, void, undefined> {
  let query: string | undefined = `n=${PAGE}`;
  while (query !== undefined) {
    // A repository whose tags are all gone is not found, and still in the catalog.
    const found = await reader.getDocument({ path: `${path}?${query}`, what, limit: MAX_PAGE_BYTES });
    if (found === undefined) return;
    yield schema.parse(JSON.parse(found.bytes.toString('utf8')));
    // `Link: </v2/_catalog?last=b&n=1000>; rel="next"`: of it the place in the list alone.
    const next: string | undefined = /^<[^>]*\?([^>#]*)>; *rel="?next"?/.exec(found.link ?? '')?.[1];
    const last = new URLSearchParams(next).get('last');
    query = last === null ? undefined : String(new URLSearchParams({ n: String(PAGE), last }));
  }
}
