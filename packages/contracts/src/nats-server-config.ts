import { type NatsImport, type NatsParticipant, natsAccounts, natsUserName, platformAccount } from './nats-accounts.ts';
import { buckets, streams } from './topology.ts';

export interface NatsServerConfig {
  readonly host: string;
  /** -1 picks a free port. */
  readonly port: number;
  readonly serverName: string;
  readonly storeDir: string;
  /** The user that makes streams, and may do everything. */
  readonly operator: { readonly user: string; readonly password: string };
  readonly participants: readonly NatsParticipant[];
}

// Above the largest record: a desired LRP with many routes and a long environment.
const MAX_PAYLOAD_BYTES = 4 * 1024 * 1024;

// nats-server's default is a share of what is free when it starts: on a disk that filled up meanwhile it would refuse the
// streams that it has. This is what all streams and buckets may take.
const MAX_FILE_STORE_BYTES = [...Object.values(streams), ...Object.values(buckets)].reduce(
  (sum, { maxBytes }) => sum + maxBytes,
  0,
);

/** nats-server's configuration; JSON is a subset of its format. It holds passwords: write it with mode 0600. */
export function renderNatsServerConfig(config: NatsServerConfig): string {
  const { services, platform } = natsAccounts(config.participants);
  const passwords = new Map(
    config.participants.map(({ service, cellId, password }) => [natsUserName(service, cellId), password]),
  );
  const imports = new Map([[platformAccount, platform], ...services.map((s) => [s.name, s.imports] as const)]);
  const accounts = {
    [platformAccount]: { jetstream: 'enabled', users: [config.operator] },
    ...Object.fromEntries(
      services.map(({ name, permissions }) => [
        name,
        { users: [{ user: name, password: passwords.get(name), permissions }] },
      ]),
    ),
  };
  return `${JSON.stringify(
    {
      server_name: config.serverName,
      host: config.host,
      port: config.port,
      max_payload: MAX_PAYLOAD_BYTES,
      jetstream: { store_dir: config.storeDir, max_file_store: MAX_FILE_STORE_BYTES },
      accounts: Object.fromEntries(
        Object.entries(accounts).map(([name, account]) => [
          name,
          { ...account, exports: exportsOf(name, imports), imports: (imports.get(name) ?? []).map(renderImport) },
        ]),
      ),
    },
    null,
    2,
  )}\n`;
}

const renderImport = ({ kind, account, subject, to }: NatsImport): object => ({
  [kind]: { account, subject },
  ...(to === undefined ? {} : { to }),
});

/** What the others import from an account, each open to those others alone. */
function exportsOf(account: string, imports: ReadonlyMap<string, readonly NatsImport[]>): readonly object[] {
  const found = new Map<string, { readonly wanted: NatsImport; readonly by: string[] }>();
  for (const [by, list] of imports) {
    for (const wanted of list) {
      if (wanted.account !== account) continue;
      const key = `${wanted.kind} ${wanted.subject}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, { wanted, by: [by] });
      else known.by.push(by);
    }
  }
  return [...found.values()].map(({ wanted: { kind, subject, answers }, by }) => ({
    [kind]: subject,
    accounts: by,
    ...(answers === 'many' ? { response_type: 'Stream' } : {}),
  }));
}
