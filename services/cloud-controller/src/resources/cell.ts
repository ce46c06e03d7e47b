import type { CellDisk, CellPresence } from '@slipway/contracts';
import { z } from 'zod';
import { apiTime, apiTimeSchema } from './shapes.ts';

const shares = {
  shared_bytes: z.int().meta({ description: 'Of layers that others have too.' }),
  exclusive_bytes: z.int().meta({ description: 'Of layers that nobody else has.' }),
  reclaimable_bytes: z.int().meta({ description: 'Of layers that nobody keeps: they go when the disk fills up.' }),
} as const;

const diskSchema = z.object({
  measured_at: apiTimeSchema,
  capacity_bytes: z.int(),
  free_bytes: z.int(),
  layers: z.object({
    count: z.int(),
    bytes: z.int().meta({ description: 'The sum of shared, exclusive and reclaimable.' }),
    ...shares,
    pinned_bytes: z.int(),
    in_use_bytes: z.int(),
    leased_bytes: z.int(),
  }),
  containers: z.object({
    count: z.int(),
    writable_bytes: z.int(),
    promised_bytes: z.int().nullable().meta({ description: 'What they may have in all.' }),
  }),
  limited_by: z
    .object({ kind: z.enum(['project-quota', 'file-system', 'none']), reason: z.string() })
    .nullable()
    .meta({ description: "What holds instances at their disk limits on the cell's machine." }),
  collections: z.object({
    count: z.int(),
    removed_layers: z.int(),
    removed_bytes: z.int(),
    last_error: z.object({ code: z.string(), message: z.string(), at: apiTimeSchema }).nullable(),
  }),
  image_count: z.int(),
  images: z.array(
    z.object({
      id: z.string().meta({ description: "The manifest's digest." }),
      reference: z.string().nullable(),
      state: z.enum(['current', 'revision', 'in_use', 'leased', 'unused']),
      containers: z.int(),
      layers: z.int(),
      apps: z.array(z.string()),
      ...shares,
    }),
  ),
  app_count: z.int(),
  apps: z.array(
    z.object({
      guid: z.string(),
      name: z.string().nullable(),
      images: z.int(),
      containers: z.int(),
      writable_bytes: z.int(),
      ...shares,
    }),
  ),
});

const imagesSchema = z.object({
  stored_count: z.int(),
  missing_count: z.int().meta({ description: 'Of those that a start may need while their registry is away.' }),
  missing: z.array(
    z.object({
      droplet_guid: z.string(),
      app_guid: z.string(),
      image: z.string(),
      reason: z.string().nullable().meta({ description: 'Why the last try to fetch it failed.' }),
    }),
  ),
});

const isolationSchema = z.object({
  user_ids: z.enum(['own', 'shared']).meta({ description: 'Host ids: of their own for each container, or one range.' }),
  apparmor_profile: z.string().nullable(),
  seccomp: z.boolean(),
  cgroups: z.enum(['v1', 'v2', 'hybrid']),
  disk_limits: z
    .enum(['project-quota', 'file-system', 'none'])
    .meta({ description: 'What holds disks at their limits.' }),
});

/** A cell, for administrators. Slipway's own: Cloud Foundry has no such resource. */
export const cellSchema = z.object({
  guid: z.string(),
  zone: z.string(),
  healthy: z.boolean(),
  unhealthy_reason: z.string().nullable().meta({ description: 'Why it cannot create containers, and gets none.' }),
  evacuating: z.boolean().meta({ description: 'Its instances are being moved to other cells.' }),
  capacity: z.object({ memory_in_mb: z.int(), disk_in_mb: z.int(), containers: z.int() }),
  isolation: isolationSchema.nullable().meta({ description: 'What of it depends on the machine.' }),
  placement_tags: z.array(z.string()),
  disk: diskSchema.nullable().meta({ description: 'Absent until the cell has told it.' }),
  wanted_images: imagesSchema.nullable().meta({ description: 'Images that the cell keeps for starts to come.' }),
});
export type Cell = z.infer<typeof cellSchema>;

export function presentCell(
  presence: CellPresence,
  disk: CellDisk | undefined,
  nameOf: (appGuid: string) => string | undefined,
): Cell {
  const { capacity } = presence;
  return {
    guid: presence.cellId,
    zone: presence.zone,
    healthy: presence.healthy,
    unhealthy_reason: presence.unhealthyReason ?? null,
    evacuating: presence.evacuating,
    capacity: { memory_in_mb: capacity.memoryMb, disk_in_mb: capacity.diskMb, containers: capacity.containers },
    isolation: presence.isolation === undefined ? null : presentIsolation(presence.isolation),
    placement_tags: presence.placementTags,
    disk: disk === undefined ? null : presentDisk(disk, nameOf),
    wanted_images: disk?.wanted === undefined ? null : presentWanted(disk.wanted),
  };
}

function presentIsolation(isolation: NonNullable<CellPresence['isolation']>): z.infer<typeof isolationSchema> {
  return {
    user_ids: isolation.userIds,
    apparmor_profile: isolation.appArmorProfile ?? null,
    seccomp: isolation.seccomp,
    cgroups: isolation.cgroups,
    disk_limits: isolation.diskLimits,
  };
}

function presentWanted({
  storedCount,
  missingCount,
  missing,
}: NonNullable<CellDisk['wanted']>): z.infer<typeof imagesSchema> {
  return {
    stored_count: storedCount,
    missing_count: missingCount,
    missing: missing.map(({ dropletGuid, appGuid, image, reason }) => ({
      droplet_guid: dropletGuid,
      app_guid: appGuid,
      image,
      reason: reason ?? null,
    })),
  };
}

function presentDisk(record: CellDisk, nameOf: (appGuid: string) => string | undefined): z.infer<typeof diskSchema> {
  const { disk, layers, containers, collections, images, apps } = record;
  const { lastError } = collections;
  return {
    measured_at: apiTime(record.measuredAt),
    capacity_bytes: disk.capacityBytes,
    free_bytes: disk.freeBytes,
    layers: {
      count: layers.count,
      bytes: layers.bytes,
      ...sharesOf(layers),
      pinned_bytes: layers.pinnedBytes,
      in_use_bytes: layers.inUseBytes,
      leased_bytes: layers.leasedBytes,
    },
    containers: {
      count: containers.count,
      writable_bytes: containers.writableBytes,
      promised_bytes: containers.promisedBytes ?? null,
    },
    limited_by: record.limitedBy ?? null,
    collections: {
      count: collections.collections,
      removed_layers: collections.removedLayers,
      removed_bytes: collections.removedBytes,
      last_error: lastError === undefined ? null : { ...lastError, at: apiTime(lastError.at) },
    },
    image_count: record.imageCount,
    images: images.map((image) => ({
      id: image.id,
      reference: image.reference ?? null,
      state: stateOf(image),
      containers: image.containers,
      layers: image.layers,
      apps: image.apps,
      ...sharesOf(image),
    })),
    app_count: record.appCount,
    apps: apps.map((app) => ({
      guid: app.guid,
      name: nameOf(app.guid) ?? null,
      images: app.images,
      containers: app.containers,
      writable_bytes: app.writableBytes,
      ...sharesOf(app),
    })),
  };
}

type Shares = Pick<CellDisk['layers'], 'sharedBytes' | 'exclusiveBytes' | 'reclaimableBytes'>;

function sharesOf({ sharedBytes, exclusiveBytes, reclaimableBytes }: Shares) {
  return { shared_bytes: sharedBytes, exclusive_bytes: exclusiveBytes, reclaimable_bytes: reclaimableBytes };
}

/** What keeps an image, the strongest reason first. */
function stateOf(image: CellDisk['images'][number]): 'current' | 'revision' | 'in_use' | 'leased' | 'unused' {
  if (image.current) return 'current';
  if (image.pinned) return 'revision';
  if (image.containers > 0) return 'in_use';
  return image.leased ? 'leased' : 'unused';
}
