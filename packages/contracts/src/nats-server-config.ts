import { busAccess, type NatsPermissions, natsPermissions, type ServiceName } from './permissions.ts';
import { streams } from './topology.ts';

/** A user of nats-server. Without permissions it may do everything (operators and tests). */
export interface NatsUser {
  readonly user: string;
  readonly password: string;
  readonly permissions?: NatsPermissions;
}

export interface NatsServerConfig {
  readonly host: string;
  /** -1 picks a free port. */
  readonly port: number;
  readonly serverName: string;
  readonly storeDir: string;
  readonly users: readonly NatsUser[];
}

/** The user of a service, named after it. A cell's is `cell-rep-<cell id>`, and writes only that cell's records. */
export function natsServiceUser(service: ServiceName, password: string, cellId?: string): NatsUser {
  const user = cellId === undefined ? service : `${service}-${cellId}`;
  return { user, password, permissions: natsPermissions(busAccess(service, cellId), user) };
}

// Above the largest record: a desired LRP with many routes and a long environment.
const MAX_PAYLOAD_BYTES = 4 * 1024 * 1024;

// nats-server's default is a share of what is free when it starts: on a disk that filled up meanwhile it would refuse the
// streams that it has. The buckets reserve nothing and get as much again.
const MAX_FILE_STORE_BYTES = 2 * Object.values(streams).reduce((sum, { maxBytes }) => sum + maxBytes, 0);

/** nats-server's configuration; JSON is a subset of its format. It holds passwords: write it with mode 0600. */
export function renderNatsServerConfig(config: NatsServerConfig): string {
  return `${JSON.stringify(
    {
      server_name: config.serverName,
      host: config.host,
      port: config.port,
      max_payload: MAX_PAYLOAD_BYTES,
      jetstream: { store_dir: config.storeDir, max_file_store: MAX_FILE_STORE_BYTES },
      authorization: {
        users: config.users.map(({ user, password, permissions }) => ({
          user,
          password,
          ...(permissions === undefined ? {} : { permissions }),
        })),
      },
    },
    null,
    2,
  )}\n`;
}
