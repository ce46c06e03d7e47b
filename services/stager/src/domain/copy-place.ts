import { type Digest, type DropletRegistry, digestOf, type Reference } from '@slipway/oci';

/** distribution/reference `RepositoryNameTotalLengthMax`. */
const MAX_REPOSITORY = 255;

type Place = Pick<Reference, 'registry' | 'repository'>;

/**
 * Where an image of a repository is copied to: `<prefix>/<registry>/<repository>`, so that a copy holds what its upstream
 * repository holds and nothing else, and whoever may read the one may read the other (ADR 19).
 *
 * No two upstream repositories share one: hosts have no underscore, so `host_port` is no host, nor is `ipv6__`.
 */
export function copyRepository({ prefix }: DropletRegistry, { registry, repository }: Place): string {
  const below = (name: string): string => (prefix === '' ? name : `${prefix}/${name}`);
  const name = below(`${pathOfHost(registry)}/${repository}`);
  if (name.length <= MAX_REPOSITORY) return name;
  return below(`sha256__${digestOf(`${registry.toLowerCase()}/${repository}`).slice('sha256:'.length)}`);
}

/**
 * The tag of a copy. Copies are read by digest; but what has no tag registries do not list, and some of them remove it. Not
 * `sha256-…`, where others look for what refers to an image (distribution-spec, "Referrers Tag Schema").
 */
export function copyTag(digest: Digest): string {
  return `slipway-${digest.slice('sha256:'.length)}`;
}

function pathOfHost(registry: string): string {
  const [, v6, name, port] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(registry.toLowerCase()) ?? [];
  const host = v6 === undefined ? name : `ipv6__${v6.replace(/^:/, '0:').replace(/:$/, ':0').replaceAll(':', '-')}`;
  return `${host}${port === undefined ? '' : `_${port}`}`;
}

/** What became of one blob of an image. */
export interface CopiedBlob {
  readonly size: number;
  readonly how: 'copied' | 'mounted' | 'there';
}

/** E.g. `2 blobs copied (31.2 MB), 1 mounted (2.0 MB), 3 there already (5.0 MB)`. */
export function describeCopy(blobs: readonly CopiedBlob[]): string {
  const words = { copied: 'copied', mounted: 'mounted', there: 'there already' } as const;
  const parts = (['copied', 'mounted', 'there'] as const).flatMap((how) => {
    const of = blobs.filter((blob) => blob.how === how);
    const bytes = of.reduce((sum, { size }) => sum + size, 0);
    return of.length === 0 ? [] : [`${of.length} ${words[how]} (${describeBytes(bytes)})`];
  });
  return parts.join(', ');
}

/** E.g. `31.2 MB`, `812 bytes`. */
export function describeBytes(bytes: number): string {
  return bytes < 100_000 ? `${bytes} bytes` : `${(bytes / 1e6).toFixed(1)} MB`;
}
