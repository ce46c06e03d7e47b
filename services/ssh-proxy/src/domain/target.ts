/** Which instance a user logs in to. */
export interface Target {
  readonly processGuid: string;
  readonly index: number;
}

const GUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const USER = new RegExp(`^cf:(${GUID})/(\\d{1,9})$`);

/** The user name of an SSH client, `cf:<process guid>/<index>` (diego-ssh); undefined when it is none. */
export function parseTarget(user: string): Target | undefined {
  const match = USER.exec(user);
  return match === null ? undefined : { processGuid: match[1] ?? '', index: Number(match[2]) };
}
