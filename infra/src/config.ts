import { homedir } from 'node:os';
import { join } from 'node:path';
import { cellIdSchema, cellSubnetSchema, serviceNames } from '@slipway/contracts';
import { DROPLET_REGISTRY_FORM, parseDropletRegistry, registryConfig } from '@slipway/oci';
import { ConfigError, loadConfig, secretSchema, settings } from '@slipway/service-kit';
import { z } from 'zod';
import { SSH_PROXY } from './platform/ssh.ts';
import { logLevels } from './supervisor/log-line.ts';

/** No DynamicUser of systemd, no system or login user of Debian has these (systemd's "Users, Groups, UIDs and GIDs"). */
const UID_BASE = 60_800;
/** Checked here, for a service that does not like its settings would be started again and again. */
const wholeNumber = (min: number, max: number = Number.MAX_SAFE_INTEGER) =>
  z
    .string()
    .regex(/^\d+$/, 'expected a whole number')
    .refine((text) => Number(text) >= min && Number(text) <= max, `expected ${min} to ${max}`)
    .optional();
const hostList = settings.list(['localhost', '127.0.0.1']);

const logRateSchema = z
  .string()
  .regex(/^(-1|\d{1,12})$/, 'expected a whole number, or -1 for no limit')
  .optional();

/** The droplet registry that the platform runs itself. */
export const LOCAL_REGISTRY = 'local';

/** Every setting of the platform as a whole; infra/README.md explains them. */
const schema = z.object({
  /** Where users come in: the API, uaa, logs and all apps. */
  SLIPWAY_PORT: settings.integer(8080, 1, 65_535),
  /** The address the port is on. Anything but loopback is reachable by others, and without TLS. */
  SLIPWAY_LISTEN_HOST: z.string().min(1).default('127.0.0.1'),
  /** Where users log in to instances by SSH, on the same address; `off`: nowhere. Default: 2222, if that is free. */
  SLIPWAY_SSH_PORT: z.union([z.literal('off'), settings.integer(2222, 1, 65_535)]).optional(),
  /** Databases, secrets, layers, containers and logs. Default: /var/lib/slipway, else ~/.local/share/slipway. */
  SLIPWAY_DATA_DIR: z.string().startsWith('/', 'expected an absolute path').optional(),
  /** What users see. Default: http://localhost:<port>. */
  SLIPWAY_EXTERNAL_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Hosts under which the platform itself answers. */
  SLIPWAY_SYSTEM_HOSTS: hostList,
  /** The first domain of apps. */
  SLIPWAY_APPS_DOMAIN: z.string().min(1).default('apps.localhost'),
  /** Of the user admin, at the first start. Default: a generated one. */
  SLIPWAY_ADMIN_PASSWORD: secretSchema.optional(),
  /** Life of an access token, and so what a user who was deleted can still do; uaa's default holds. */
  SLIPWAY_ACCESS_TOKEN_SECONDS: z.string().optional(),
  /** Registries that may be spoken to in plain http; loopback always may. */
  SLIPWAY_INSECURE_REGISTRIES: registryConfig.INSECURE_REGISTRIES,
  /** Token servers that get a registry's credentials although they are of another site than the registry. */
  SLIPWAY_TRUSTED_TOKEN_HOSTS: settings.list(),
  /** Certificates, mirrors and credentials of registries (docs/registries.md). Default: registries.yaml in the data. */
  SLIPWAY_REGISTRIES_FILE: registryConfig.REGISTRIES_FILE,
  /**
   * Where staging copies images to, so that cells need no other registry: `host[:port][/prefix]`, or `local` for one that
   * the platform runs. Default none: on one machine the cell's own store does that, and the copies take as much disk again.
   */
  SLIPWAY_DROPLET_REGISTRY: z
    .string()
    .refine(
      (text) => text === LOCAL_REGISTRY || parseDropletRegistry(text) !== undefined,
      `expected "${LOCAL_REGISTRY}" or ${DROPLET_REGISTRY_FORM}`,
    )
    .optional(),
  SLIPWAY_DROPLET_REGISTRY_USERNAME: z.string().min(1).optional(),
  SLIPWAY_DROPLET_REGISTRY_PASSWORD: secretSchema.optional(),
  /** What the terminal shows of the services' logs; the files have all from `info` on. */
  SLIPWAY_LOG_LEVEL: z.enum(logLevels).optional(),
  /** First of the uids that the services run as. */
  SLIPWAY_UID_BASE: settings.integer(UID_BASE, 1, 4_000_000_000),
  SLIPWAY_CELL_ID: cellIdSchema.default('cell-1'),
  /** The next five are cell-rep's own settings; its defaults hold. */
  SLIPWAY_CELL_SUBNET: cellSubnetSchema.optional(),
  SLIPWAY_CELL_UID_BASE: wholeNumber(65_536, 4_294_000_000),
  SLIPWAY_CELL_MEMORY_MB: wholeNumber(1),
  SLIPWAY_CELL_DISK_MB: wholeNumber(1),
  SLIPWAY_CELL_CONTAINERS: wholeNumber(1, 10_000),
  /** What logs may hold in a second; cell-rep's README tells of the defaults. -1: no limit. */
  SLIPWAY_LOG_RATE_BYTES_PER_SECOND: logRateSchema,
  SLIPWAY_LOG_RATE_LINES_PER_SECOND: logRateSchema,
  SLIPWAY_CELL_LOG_LINES_PER_SECOND: logRateSchema,
});

type Settings = z.output<typeof schema>;
/** Settings of single services, as their own names have them. */
export type ServiceSettings = Readonly<Partial<Record<SettableName, Readonly<Record<string, string>>>>>;
/** The services of the bus, and the one that speaks with it through others. */
const settableNames = [...serviceNames, SSH_PROXY] as const;
type SettableName = (typeof settableNames)[number];
export interface PlatformConfig extends Settings {
  /** `SLIPWAY_SET_<SERVICE>_<SETTING>`. */
  readonly services: ServiceSettings;
  readonly SLIPWAY_DATA_DIR: string;
  readonly SLIPWAY_EXTERNAL_URL: string;
  readonly SLIPWAY_REGISTRIES_FILE: string;
}

/** Throws ConfigError, which names every setting that is wrong. `uid` decides where the data are by default. */
export function readPlatformConfig(
  env: Readonly<Record<string, string | undefined>>,
  uid: number = process.getuid?.() ?? -1,
): PlatformConfig {
  const read = loadConfig('slipway', schema, env);
  const data = read.SLIPWAY_DATA_DIR ?? (uid === 0 ? '/var/lib/slipway' : join(homedir(), '.local/share/slipway'));
  return {
    ...read,
    services: readServiceSettings(env),
    SLIPWAY_DATA_DIR: data,
    SLIPWAY_REGISTRIES_FILE: read.SLIPWAY_REGISTRIES_FILE ?? join(data, 'registries.yaml'),
    SLIPWAY_EXTERNAL_URL: read.SLIPWAY_EXTERNAL_URL ?? `http://localhost:${read.SLIPWAY_PORT}`,
  };
}

const SET = 'SLIPWAY_SET_';

function readServiceSettings(env: Readonly<Record<string, string | undefined>>): ServiceSettings {
  const found: Partial<Record<SettableName, Record<string, string>>> = {};
  const problems: string[] = [];
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(SET) || value === undefined) continue;
    const prefixOf = (service: SettableName): string => `${SET}${service.replaceAll('-', '_').toUpperCase()}_`;
    const service = settableNames.find((name) => variable.startsWith(prefixOf(name)));
    if (service === undefined)
      problems.push(`${variable}: no service is called so; there are ${settableNames.join(', ')}`);
    else found[service] = { ...found[service], [variable.slice(prefixOf(service).length)]: value };
  }
  if (problems.length > 0) throw new ConfigError('slipway', problems);
  return found;
}
