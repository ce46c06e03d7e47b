import type { Migration } from 'kysely/migration';
import { resourcesMigration } from './migrations/001-resources.ts';
import { usersMigration } from './migrations/002-users.ts';
import { quotasAndSegmentsMigration } from './migrations/003-quotas-and-segments.ts';
import { deploymentsMigration } from './migrations/004-deployments.ts';
import { environmentGroupsMigration } from './migrations/005-environment-groups.ts';
import { revisionsMigration } from './migrations/006-revisions.ts';
import { userProvidedServicesMigration } from './migrations/007-user-provided-services.ts';
import { auditEventsMigration } from './migrations/008-audit-events.ts';
import { sharingMigration } from './migrations/009-sharing.ts';
import { sealedRunInfosMigration } from './migrations/010-sealed-run-infos.ts';
import { sidecarsMigration } from './migrations/011-sidecars.ts';
import { usageEventsMigration } from './migrations/012-usage-events.ts';
import { tasksMigration } from './migrations/013-tasks.ts';
import { longListsMigration } from './migrations/014-long-lists.ts';
import { eventsOfOrganizationsMigration } from './migrations/015-events-of-organizations.ts';
import { organizationsOfAppsMigration } from './migrations/016-organizations-of-apps.ts';
import { registryCredentialsMigration } from './migrations/017-registry-credentials.ts';
import { signaturePoliciesMigration } from './migrations/018-signature-policies.ts';
import { networkPoliciesMigration } from './migrations/019-network-policies.ts';
import { sshMigration } from './migrations/020-ssh.ts';
import { imageHealthChecksMigration } from './migrations/021-image-health-checks.ts';
import { securityGroupsMigration } from './migrations/022-security-groups.ts';

/** In the order of their names. A published one is never changed. */
const migrations: Readonly<Record<string, Migration>> = {
  '001-resources': resourcesMigration,
  '002-users': usersMigration,
  '004-deployments': deploymentsMigration,
  '003-quotas-and-segments': quotasAndSegmentsMigration,
  '005-environment-groups': environmentGroupsMigration,
  '006-revisions': revisionsMigration,
  '007-user-provided-services': userProvidedServicesMigration,
  '008-audit-events': auditEventsMigration,
  '009-sharing': sharingMigration,
  '011-sidecars': sidecarsMigration,
  '012-usage-events': usageEventsMigration,
  '013-tasks': tasksMigration,
  '014-long-lists': longListsMigration,
  '015-events-of-organizations': eventsOfOrganizationsMigration,
  '016-organizations-of-apps': organizationsOfAppsMigration,
  '017-registry-credentials': registryCredentialsMigration,
  '018-signature-policies': signaturePoliciesMigration,
  '019-network-policies': networkPoliciesMigration,
  '020-ssh': sshMigration,
  '021-image-health-checks': imageHealthChecksMigration,
  '022-security-groups': securityGroupsMigration,
};

/** Seals what older releases left in clear text. */
export interface Encrypting {
  encrypt(plaintext: string, purpose: string): string;
}

/** All of them. */
export function migrationsWith(vault: Encrypting): Readonly<Record<string, Migration>> {
  return {
    ...migrations,
    '010-sealed-run-infos': sealedRunInfosMigration((plaintext, purpose) => vault.encrypt(plaintext, purpose)),
  };
}
