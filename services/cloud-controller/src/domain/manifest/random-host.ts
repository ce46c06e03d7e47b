const ADJECTIVES = [
  'active',
  'agile',
  'bold',
  'brave',
  'bright',
  'calm',
  'clever',
  'cosy',
  'daring',
  'eager',
  'fair',
  'fast',
  'fresh',
  'friendly',
  'gentle',
  'golden',
  'grand',
  'happy',
  'humble',
  'keen',
  'kind',
  'lively',
  'lucky',
  'mellow',
  'merry',
  'noble',
  'patient',
  'quick',
  'quiet',
  'sunny',
  'swift',
  'wise',
] as const;
const NOUNS = [
  'badger',
  'beaver',
  'bison',
  'crane',
  'dolphin',
  'eagle',
  'falcon',
  'finch',
  'fox',
  'gazelle',
  'hare',
  'heron',
  'ibex',
  'jackal',
  'kiwi',
  'koala',
  'lemur',
  'lion',
  'lynx',
  'marmot',
  'otter',
  'owl',
  'panda',
  'puffin',
  'raven',
  'seal',
  'shark',
  'sparrow',
  'tiger',
  'turtle',
  'walrus',
  'wolf',
] as const;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const MAX_LABEL = 63;

/** `<app>-<adjective>-<noun>-<xx>`. `seed` is a random guid. */
export function randomHost(appName: string, seed: string): string {
  const digits = seed.replaceAll('-', '');
  const pick = <T>(from: ArrayLike<T>, at: number): T =>
    from[Number.parseInt(digits.slice(at, at + 6), 16) % from.length] as T;
  const tail = `${pick(ADJECTIVES, 0)}-${pick(NOUNS, 6)}-${pick(LETTERS, 16)}${pick(LETTERS, 22)}`;
  const head = hostOf(appName)
    .slice(0, MAX_LABEL - tail.length - 1)
    .replace(/-+$/, '');
  return head === '' ? tail : `${head}-${tail}`;
}

/** What of an app's name may stand in a host. */
function hostOf(appName: string): string {
  return appName
    .toLowerCase()
    .replace(/[\s_]+/g, '-')
    .replace(/[^a-z0-9-]/g, '')
    .replace(/^-+|-+$/g, '');
}

/** The host of a default route: the app's name, when it may be one (cloud_controller_ng `app_apply_manifest.rb`). */
export function defaultHost(appName: string): string | undefined {
  return /^[\w-]{1,63}$/.test(appName) ? appName.toLowerCase() : undefined;
}
