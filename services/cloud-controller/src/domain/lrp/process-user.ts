/** Cloud Foundry's own user of containers; every process may ask for it. */
const DEFAULT_USER = 'vcap';

/**
 * Why a process may not run as a user, in Cloud Foundry's words (`process_user_policy.rb`); undefined when it may. Nobody
 * need ask for the image's own.
 */
export function processUserProblem(user: string | null, additional: readonly string[]): string | undefined {
  if (user === null || user.trim() === '') return undefined;
  const permitted = [...new Set([DEFAULT_USER, ...additional])];
  if (permitted.some((name) => name.toLowerCase() === user.toLowerCase())) return undefined;
  const listed = permitted.map((name) => `'${name}'`).join(', ');
  return `user invalid (requested user '${user}' not allowed, permitted users are: ${listed})`;
}
