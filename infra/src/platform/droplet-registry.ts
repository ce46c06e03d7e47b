import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { LOCAL_REGISTRY, type PlatformConfig } from '../config.ts';
import type { DataDirectory } from './data-directory.ts';
import { renderRegistryConfig } from './registry-config.ts';

export const DROPLET_REGISTRY = 'droplet-registry';
/** Who reads it (cells) and writes it (stagers). */
export const dropletRegistryUsers: readonly string[] = ['stager', 'cell-rep'];

const PREFIX = 'slipway';
const USER = 'slipway';

/** What stager and cell are told of the droplet registry, without the password. */
export interface DropletRegistrySettings {
  readonly DROPLET_REGISTRY: string;
  readonly DROPLET_REGISTRY_USERNAME?: string;
}

export interface PreparedDropletRegistry {
  readonly settings: DropletRegistrySettings;
  readonly password: string | undefined;
  /** Of the registry to run, when it is the platform's own. */
  readonly configFile: string | undefined;
}

/** Undefined when there is to be none. Writes the configuration of the platform's own. */
export async function prepareDropletRegistry(
  config: PlatformConfig,
  data: DataDirectory,
  port: number,
): Promise<PreparedDropletRegistry | undefined> {
  const wanted = config.SLIPWAY_DROPLET_REGISTRY;
  if (wanted === undefined) return undefined;
  if (wanted !== LOCAL_REGISTRY) {
    const user = config.SLIPWAY_DROPLET_REGISTRY_USERNAME;
    return {
      settings: { DROPLET_REGISTRY: wanted, ...(user === undefined ? {} : { DROPLET_REGISTRY_USERNAME: user }) },
      password: config.SLIPWAY_DROPLET_REGISTRY_PASSWORD?.reveal(),
      configFile: undefined,
    };
  }
  // Both sides are told at each start, so nobody has to keep it. Apps reach loopback no more than users do, but other
  // users of this machine would.
  const password = randomBytes(24).toString('base64url');
  const passwords = await data.writeSecret(DROPLET_REGISTRY, 'htpasswd', `${USER}:${await bcrypt(password)}\n`);
  const storage = join(data.serviceDirectory(DROPLET_REGISTRY), 'storage');
  return {
    settings: { DROPLET_REGISTRY: `127.0.0.1:${port}/${PREFIX}`, DROPLET_REGISTRY_USERNAME: USER },
    password,
    configFile: await data.writeSecret(DROPLET_REGISTRY, 'config.json', renderRegistryConfig(port, storage, passwords)),
  };
}

/** docker-registry takes bcrypt only, which Node has not; libcrypt has, and perl (essential in Debian) lends it. */
async function bcrypt(password: string): Promise<string> {
  const salt = randomBytes(22).toString('base64url').replace(/[-_]/g, '.').slice(0, 22);
  const child = spawn('perl', ['-e', `chomp(my $p = <STDIN>); print crypt($p, '$2y$05$${salt}')`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(`${password}\n`);
  const [hash, [code]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<[number | null]>]);
  if (code !== 0 || !hash.startsWith('$2y$')) throw new Error(`perl cannot make a bcrypt hash (status ${code})`);
  return hash;
}
