import type { BoundService } from './bound-service.ts';

/** What Rails calls the databases that a scheme may name; others are no databases to Cloud Foundry. */
const SCHEMES: Readonly<Record<string, string>> = {
  'mysql:': 'mysql2:',
  'mysql2:': 'mysql2:',
  'postgres:': 'postgres:',
  'postgresql:': 'postgres:',
};

/**
 * DATABASE_URL: the `uri` of the first service whose credentials have one of a database, with the scheme that Rails
 * knows (cloud_controller_ng `database_uri_generator.rb`).
 */
export function databaseUrl(services: readonly Pick<BoundService, 'credentials'>[]): string | undefined {
  for (const { credentials } of services) {
    const { uri } = credentials;
    if (typeof uri !== 'string' || !URL.canParse(uri)) continue;
    const { protocol } = new URL(uri);
    const scheme = Object.hasOwn(SCHEMES, protocol) ? SCHEMES[protocol] : undefined;
    // The rest stays as it was given: what is escaped in a password is the driver's to read.
    if (scheme !== undefined && uri.toLowerCase().startsWith(protocol)) return scheme + uri.slice(protocol.length);
  }
  return undefined;
}
