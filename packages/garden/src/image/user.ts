import { GardenError } from '../errors.ts';

/** Who a container's process runs as, inside the container. */
export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  /** The name, where the image's /etc/passwd has one for the uid. */
  readonly name: string | undefined;
}

/** The image's account files; undefined when it has none. */
export interface AccountFiles {
  readonly passwd: string | undefined;
  readonly group: string | undefined;
}

/** Longest line and most lines that are looked at; the files are written by whoever made the image. */
const MAX_LINE = 16_384;
const MAX_LINES = 65_536;
/** Highest id of a user or group, as with Docker (moby/sys `user`): above it, programs take ids for negative ones. */
const MAX_USER_ID = 0x7fff_ffff;
/** As many as the kernel takes (NGROUPS_MAX). */
const MAX_GROUPS = 65_536;

interface PasswdEntry {
  readonly name: string;
  readonly uid: string;
  readonly gid: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: string;
  readonly members: readonly string[];
}

/**
 * Looks a user up as Docker and Garden do. The user is `name`, `uid`, `name:group` or `uid:gid`, each part a name or
 * all digits; none means root. All digits are always a number, never a name that a hostile /etc/passwd defines.
 * Without a group the user's own counts, with the supplementary ones of /etc/group; with one, that alone.
 *
 * @throws GardenError USER_INVALID, USER_NOT_FOUND
 */
export function resolveUser(user: string, files: AccountFiles): ContainerUser {
  const parts = user.split(':');
  const userPart = parts[0] ?? '';
  const groupPart = parts[1] ?? '';
  if (parts.length > 2 || /[\0\n/]/.test(user) || user.length > 256) {
    throw new GardenError('USER_INVALID', 'process', `Not a user: ${JSON.stringify(user).slice(0, 300)}`);
  }
  const account = findAccount(userPart === '' ? 'root' : userPart, files);
  if (groupPart === '') return account;
  return { ...account, gid: findGroup(groupPart, files), additionalGids: [] };
}

function findAccount(user: string, files: AccountFiles): ContainerUser {
  const numeric = /^\d+$/.test(user);
  const wanted = numeric ? toId(user, 'user') : undefined;
  const entry = passwdEntries(files.passwd).find((each) =>
    wanted === undefined ? each.name === user : isId(each.uid) && Number(each.uid) === wanted,
  );
  if (entry !== undefined) {
    const uid = toId(entry.uid, 'user');
    const gid = toId(entry.gid, 'group');
    return { uid, gid, name: entry.name, additionalGids: supplementary(entry.name, gid, files.group) };
  }
  // As with Docker, a uid of no account is in group 0. An image without accounts has a root all the same.
  if (wanted !== undefined) return { uid: wanted, gid: 0, name: undefined, additionalGids: [] };
  if (user === 'root' && files.passwd === undefined) return { uid: 0, gid: 0, name: undefined, additionalGids: [] };
  throw new GardenError(
    'USER_NOT_FOUND',
    'process',
    `unable to find user ${shown(user)}: no matching entries in passwd file`,
  );
}

function findGroup(group: string, files: AccountFiles): number {
  if (/^\d+$/.test(group)) return toId(group, 'group');
  const entry = groupEntries(files.group).find((each) => each.name === group);
  if (entry !== undefined) return toId(entry.gid, 'group');
  if (group === 'root' && files.group === undefined) return 0;
  throw new GardenError(
    'USER_NOT_FOUND',
    'process',
    `unable to find group ${shown(group)}: no matching entries in group file`,
  );
}

function supplementary(name: string, primary: number, group: string | undefined): number[] {
  const gids = groupEntries(group)
    .filter((entry) => entry.members.includes(name) && isId(entry.gid))
    .map((entry) => toId(entry.gid, 'group'));
  return [...new Set(gids)].filter((gid) => gid !== primary).slice(0, MAX_GROUPS);
}

/** A name in an error, in Docker's words and without the control characters that an image may have put there. */
function shown(name: string): string {
  return JSON.stringify(name).slice(1, -1);
}

function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text);
}

function toId(text: string, what: 'user' | 'group'): number {
  const id = isId(text) ? Number(text) : Number.NaN;
  if (Number.isInteger(id) && id <= MAX_USER_ID) return id;
  throw new GardenError(
    'USER_INVALID',
    'process',
    `The ${what} id ${JSON.stringify(text.slice(0, 40))} is not among 0 to ${MAX_USER_ID}`,
  );
}

function fields(text: string | undefined): string[][] {
  if (text === undefined) return [];
  return text
    .split('\n', MAX_LINES)
    .filter((line) => line.length <= MAX_LINE && line.includes(':'))
    .map((line) => line.trim().split(':'));
}

function passwdEntries(text: string | undefined): PasswdEntry[] {
  return fields(text).map(([name = '', , uid = '', gid = '']) => ({ name, uid, gid }));
}

function groupEntries(text: string | undefined): GroupEntry[] {
  return fields(text).map(([name = '', , gid = '', members = '']) => ({ name, gid, members: members.split(',') }));
}
