import type { ResolvedImage, SignaturePolicy } from '@slipway/contracts';
import { databaseEngine } from '@slipway/database';
import { checkImageSignatures, OciError, parsePublicKey, type TrustedKey } from '@slipway/oci';
import type { OrganizationRow, Sql } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { notFound, unprocessable } from '../errors.ts';
import { auditResource } from './audit.ts';

/** What an organization has said of signatures, in force or not. */
export interface SignaturePolicyState {
  readonly enabled: boolean;
  readonly matchRepository: boolean;
  readonly keys: readonly { readonly name: string; readonly publicKey: string }[];
  /** Null: nothing was ever said. */
  readonly updatedAt: string | null;
}

const NOTHING_SAID: SignaturePolicyState = { enabled: false, matchRepository: false, keys: [], updatedAt: null };

export async function loadSignaturePolicy(sql: Sql, organizationGuid: string): Promise<SignaturePolicyState> {
  const query = sql.selectFrom('signature_policies').selectAll().where('organization_guid', '=', organizationGuid);
  const row = await query.executeTakeFirst();
  if (row === undefined) return NOTHING_SAID;
  return {
    enabled: row.enabled === 1,
    matchRepository: row.match_repository === 1,
    keys: JSON.parse(row.keys) as SignaturePolicyState['keys'],
    updatedAt: row.updated_at,
  };
}

/** What images of the organization need now; undefined: no signature. */
export async function policyInForce(sql: Sql, organizationGuid: string): Promise<SignaturePolicy | undefined> {
  const { enabled, matchRepository, keys } = await loadSignaturePolicy(sql, organizationGuid);
  return enabled ? { keys: keys.map(({ name, publicKey }) => ({ name, publicKey })), matchRepository } : undefined;
}

/**
 * Refuses to start what the policy of now does not take: the cells would refuse it a moment later, and the user would have
 * to look for the reason in the log. Throws 422.
 */
export function requireSignedImage(image: ResolvedImage, policy: SignaturePolicy | undefined): void {
  if (policy === undefined) return;
  try {
    checkImageSignatures(image, policy);
  } catch (error) {
    if (error instanceof OciError) throw unprocessable(error.message);
    throw error;
  }
}

export interface SignaturePolicyChange {
  readonly enabled: boolean | undefined;
  readonly matchRepository: boolean | undefined;
  /** All of them. */
  readonly keys: SignaturePolicyState['keys'] | undefined;
}

/** What runs goes on as it is; what is staged or started from now on is held to it. Throws 404, and 422 with each problem. */
export async function updateSignaturePolicy(
  unit: UnitOfWork,
  organization: Pick<OrganizationRow, 'guid' | 'name'>,
  change: SignaturePolicyChange,
): Promise<SignaturePolicyState> {
  const { sql, now } = unit;
  // Of two changes at once neither is lost, and none is of an organization that goes.
  const query = sql.selectFrom('organizations').select('guid').where('guid', '=', organization.guid);
  const locked = await (databaseEngine(sql) === 'postgres' ? query.forUpdate() : query).executeTakeFirst();
  if (locked === undefined) throw notFound('Organization');
  const before = await loadSignaturePolicy(sql, organization.guid);
  const after = {
    enabled: change.enabled ?? before.enabled,
    matchRepository: change.matchRepository ?? before.matchRepository,
    keys: change.keys ?? before.keys,
  };
  const { trusted, problems } = readKeys(after.keys);
  if (after.enabled && after.keys.length === 0) problems.push('Keys must have at least 1 item while enabled is true');
  if (problems.length > 0) throw unprocessable(...problems);
  const columns = {
    updated_at: now,
    enabled: after.enabled ? 1 : 0,
    match_repository: after.matchRepository ? 1 : 0,
    keys: JSON.stringify(after.keys),
  };
  await sql
    .insertInto('signature_policies')
    .values({ organization_guid: organization.guid, ...columns })
    .onConflict((conflict) => conflict.column('organization_guid').doUpdateSet(columns))
    .execute();
  const keys = trusted.map(({ name, type, fingerprint }) => ({ name, type, fingerprint }));
  const request = { enabled: after.enabled, match_repository: after.matchRepository, keys };
  const details = { organizationGuid: organization.guid, data: { request } };
  await auditResource(unit, 'signature_policy', 'update', organization, details);
  return { ...after, updatedAt: now };
}

/** Every problem of every key: names and keys are unique, and each key is one that cosign verifies with. */
function readKeys(keys: SignaturePolicyState['keys']): { readonly trusted: TrustedKey[]; readonly problems: string[] } {
  const trusted: TrustedKey[] = [];
  const problems: string[] = [];
  for (const [i, { name, publicKey }] of keys.entries()) {
    try {
      const key = parsePublicKey(name, publicKey);
      const same = trusted.find(({ fingerprint }) => fingerprint === key.fingerprint);
      if (same !== undefined) {
        problems.push(`Keys ${i} public key is that of ${JSON.stringify(same.name)} once more`);
      }
      trusted.push(key);
    } catch (error) {
      if (!(error instanceof OciError)) throw error;
      problems.push(`Keys ${i} public key is invalid: ${error.message}`);
    }
    if (keys.findIndex((other) => other.name === name) < i) {
      problems.push(`Keys ${i} name ${JSON.stringify(name)} is taken`);
    }
  }
  return { trusted, problems };
}
