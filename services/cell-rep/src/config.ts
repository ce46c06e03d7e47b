import { cellIdSchema, cellSubnetSchema } from '@slipway/contracts';
import { registryConfig } from '@slipway/oci';
import { commonSettings, loadConfig, Secret, secretSchema, settings } from '@slipway/service-kit';
import { z } from 'zod';
import { parseVolumeAllowance, type VolumeAllowance } from './domain/volume-allowance.ts';
import { storeSettings } from './store-config.ts';

const optionalMebibytes = z
  .string()
  .regex(/^[1-9]\d*$/, 'expected a whole number of MiB')
  .transform(Number)
  .optional();

const rateSetting = (fallback: number) => z.coerce.number().int().min(-1).default(fallback);

/** Where the cell keeps what, and which addresses and uids are its own: enough to remove all of it. */
const placeSettings = {
  CELL_ID: cellIdSchema,
  CELL_DATA_DIR: z.string().startsWith('/', 'expected an absolute path'),
  CELL_SUBNET: cellSubnetSchema.default('10.254.0.0/22'),
  /** 65,536 ids for each address of the subnet; garden's own range when absent. */
  CELL_UID_BASE: z
    .string()
    .regex(/^\d+$/, 'expected a whole number')
    .transform(Number)
    .pipe(z.int().min(65_536).max(4_294_000_000))
    .optional(),
  /** What holds instances at their disk limits; `auto`: the best that the machine has. */
  CELL_DISK_LIMITS: z.enum(['auto', 'project-quota', 'file-system', 'none']).default('auto'),
  /** The OCI runtime, with runc's command line; garden's own choice when absent. */
  CELL_RUNTIME: z.string().startsWith('/', 'expected an absolute path').optional(),
  /** Whom containers ask for names: the cell, which knows internal ones, or the host's name servers. */
  CELL_NAME_SERVER: z.enum(['own', 'host']).default('own'),
  /** CIDRs outside of this machine that may open connections to containers: routers on other machines. */
  CELL_REACHABLE_FROM: settings.list(),
  /** Directories of the host that apps may have as volumes: `PATH[:ro|:rw][@ORGANIZATION[/SPACE]]`, with commas between. */
  CELL_VOLUMES: settings.list().transform((entries, context) =>
    entries.map((text): VolumeAllowance => {
      const allowance = parseVolumeAllowance(text);
      if (allowance !== undefined) return allowance;
      context.addIssue(`expected PATH, PATH:ro or PATH:rw, then @ORGANIZATION or @ORGANIZATION/SPACE: ${text}`);
      return z.NEVER;
    }),
  ),
} as const;

const placeSchema = z.object({ ...placeSettings, LOG_LEVEL: commonSettings.LOG_LEVEL });
export type PlaceConfig = z.infer<typeof placeSchema>;

const schema = z.object({
  ...commonSettings,
  ...placeSettings,
  CELL_ZONE: z.string().min(1).default('z1'),
  /** The host's own; containers are reached at theirs. */
  CELL_ADDRESS: z.string().min(1).default('127.0.0.1'),
  /** At that address, where other cells get layers from this one; 0: any, `off`: nor does it ask others. */
  CELL_PEER_PORT: z.union([z.literal('off'), settings.port()]).default(0),
  /** Of all layers that it gives at one time, in 10^6 bytes. */
  CELL_PEER_MB_PER_SECOND: settings.integer(200, 1, 100_000),
  CELL_PUBLIC_KEY: z.string().min(1),
  CELL_PRIVATE_KEY: secretSchema,
  /** base64 of 32 bytes that ssh-proxy has, too; without it there is no way by SSH into this cell's instances. */
  CELL_SESSION_KEY: z
    .base64()
    .refine((text) => Buffer.from(text, 'base64').length === 32, 'expected base64 of 32 bytes')
    .transform((text) => new Secret(text))
    .optional(),
  /** At its address, where ssh-proxy begins sessions; 0: any. */
  CELL_SESSION_PORT: settings.port(0),
  CELL_CONTAINERS: settings.integer(250, 1, 10_000),
  CELL_MEMORY_MB: optionalMebibytes,
  CELL_DISK_MB: optionalMebibytes,
  /** An LRP with placement tags runs only on cells that have them. */
  CELL_PLACEMENT_TAGS: settings.list(),
  CELL_ON_STOP: z.enum(['keep', 'destroy', 'drain']).default('keep'),
  /** Diego's `evacuation_timeout_in_seconds`: how long `drain` waits for replacements and for tasks. */
  CELL_DRAIN_TIMEOUT_MS: settings.milliseconds(600_000),
  ...registryConfig,
  ...storeSettings,
  /** What one instance may log, whatever its app's own limit is; -1: no limit. */
  LOG_RATE_BYTES_PER_SECOND: rateSetting(1024 * 1024),
  LOG_RATE_LINES_PER_SECOND: rateSetting(2_000),
  /** What all instances of the cell may log, each its share; log-cache reads some 20,000 in a second. */
  CELL_LOG_LINES_PER_SECOND: rateSetting(10_000),
  /** How often a cell looks whether it can create containers, and tries to when it could not. */
  CELL_CHECK_INTERVAL_MS: settings.milliseconds(30_000),
  /** Of one try to get all layers of an image. */
  PULL_TIMEOUT_MS: settings.milliseconds(900_000),
  CREATE_TIMEOUT_MS: settings.milliseconds(60_000),
  /** Until the runtime has started the process; not the app's own start, which its LRP bounds. */
  START_TIMEOUT_MS: settings.milliseconds(30_000),
  DELETE_TIMEOUT_MS: settings.milliseconds(60_000),
});
export type Config = z.infer<typeof schema>;

type Environment = Readonly<Record<string, string | undefined>>;

export function readConfig(env: Environment): Config {
  return loadConfig('cell-rep', schema, env);
}

export function readPlaceConfig(env: Environment): PlaceConfig {
  return loadConfig('cell-rep', placeSchema, env);
}
