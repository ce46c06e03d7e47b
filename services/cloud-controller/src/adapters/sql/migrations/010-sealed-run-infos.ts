import { executionMetadataSchema } from '@slipway/contracts';
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import { purposes } from '../../../domain/secrets/purposes.ts';

interface Schema {
  readonly run_infos: { readonly process_guid: string; readonly run_info: string };
  readonly droplets: { readonly guid: string; readonly execution: string; readonly image_environment: string };
  readonly unscrubbed_tables: { readonly name: string };
}

type Encrypt = (plaintext: string, purpose: string) => string;

/** The environments of processes and of images were in clear text. One row at a time: there may be many. */
export function sealedRunInfosMigration(encrypt: Encrypt): Migration {
  return {
    up: async (untyped) => {
      const db = untyped as Kysely<Schema>;
      await db.schema
        .createTable('unscrubbed_tables')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .execute();
      await db.schema.alterTable('droplets').addColumn('image_environment', 'text').execute();
      const sealed = [];
      if (await sealRunInfos(db, encrypt)) sealed.push({ name: 'run_infos' });
      if (await sealImageEnvironments(db, encrypt)) sealed.push({ name: 'droplets' });
      if (sealed.length > 0) await db.insertInto('unscrubbed_tables').values(sealed).execute();
    },
  };
}

/** Returns whether there were any. */
async function sealRunInfos(db: Kysely<Schema>, encrypt: Encrypt): Promise<boolean> {
  const guids = await db.selectFrom('run_infos').select('process_guid').execute();
  for (const { process_guid: guid } of guids) {
    const row = db.selectFrom('run_infos').select('run_info').where('process_guid', '=', guid);
    const sealed = encrypt((await row.executeTakeFirstOrThrow()).run_info, purposes.runInfo(guid));
    await db.updateTable('run_infos').set({ run_info: sealed }).where('process_guid', '=', guid).execute();
  }
  return guids.length > 0;
}

async function sealImageEnvironments(db: Kysely<Schema>, encrypt: Encrypt): Promise<boolean> {
  const guids = await db.selectFrom('droplets').select('guid').execute();
  for (const { guid } of guids) {
    const row = db.selectFrom('droplets').select('execution').where('guid', '=', guid);
    const text = (await row.executeTakeFirstOrThrow()).execution;
    const { env, ...execution } = executionMetadataSchema.parse(JSON.parse(text));
    const sealed = encrypt(JSON.stringify(env), purposes.imageEnvironment(guid));
    const change = { execution: JSON.stringify(execution), image_environment: sealed };
    await db.updateTable('droplets').set(change).where('guid', '=', guid).execute();
  }
  return guids.length > 0;
}
