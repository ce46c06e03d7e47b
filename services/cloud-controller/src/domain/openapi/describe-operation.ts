/** How the API's description names one endpoint. */
export interface OperationNames {
  readonly operationId: string;
  readonly summary: string;
  readonly tag: string;
}

/** Ends of paths that are one thing, although they end in s. */
const SINGLE: ReadonlySet<string> = new Set([
  'stats',
  'credentials',
  'permissions',
  'log_access',
  'ssh_access',
  'environment_variables',
  'details',
  'parameters',
  'route_reservations',
]);
/** Ends of paths that say which of what the part before them names. */
const WHICH: ReadonlySet<string> = new Set(['default', 'current', 'deployed']);
const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  POST: 'create',
  PATCH: 'update',
  PUT: 'replace',
  DELETE: 'delete',
};
const OF_RELATIONSHIPS: Readonly<Record<string, string>> = { POST: 'add', PATCH: 'set', DELETE: 'remove' };

/**
 * Names of an endpoint, from its method and Fastify's form of its path: `POST /v3/apps/:guid/actions/start` is
 * `startApp`, "Start an app", among "Apps".
 */
export function describeOperation(method: string, path: string): OperationNames {
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== 'internal');
  const version = segments.length > 0 && /^v[34]$/.test(segments[0] ?? '') ? segments.shift() : undefined;
  if (segments.length === 0) return rootNames(version);
  const last = segments.at(-1) ?? '';
  const before = segments.at(-2) ?? '';
  const action = before === 'actions' ? last : undefined;
  const relationship = segments.includes('relationships');
  const nouns = nounsOf(segments, relationship && method === 'GET');
  const one = isParameter(last) || action !== undefined || (WHICH.has(last) && last !== 'deployed');
  const many = !one && before !== 'relationships' && (last.endsWith('s') || last === 'deployed') && !SINGLE.has(last);
  const verb = action !== undefined ? words(action) : verbOf(method, many, relationship);
  // What is made in a collection is one of it.
  const made = verb === 'create' && many;
  if (made) nouns.push(singular(nouns.pop() ?? ''));
  const thing = nouns.at(-1) ?? '';
  const object = one || made ? withArticle(thing) : thing;
  const owners = nouns.slice(0, -1).reverse().map(withArticle);
  const summary = [`${verb} ${verb.includes(' ') ? 'to ' : ''}${object}`, ...owners].join(' of ');
  return {
    operationId: camel([verb, ...nouns].join(' ')),
    summary: sentence(summary),
    tag: sentence(words(segments[0] ?? '')),
  };
}

function verbOf(method: string, many: boolean, relationship: boolean): string {
  if (method === 'GET') return many ? 'list' : 'get';
  return (relationship ? OF_RELATIONSHIPS[method] : undefined) ?? VERBS[method] ?? method.toLowerCase();
}

function nounsOf(segments: readonly string[], nameRelationship: boolean): string[] {
  const nouns: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1];
    if (segment === '*') nouns.push('path');
    else if (isParameter(segment) || segment === 'relationships' || segment === 'actions') continue;
    else if (segments[index - 1] === 'actions') break;
    else if (WHICH.has(segment)) {
      const noun = nouns.pop() ?? '';
      nouns.push(`${segment} ${segment === 'deployed' ? noun : singular(noun)}`);
    } else {
      const noun = next !== undefined && isParameter(next) ? singular(words(segment)) : words(segment);
      nouns.push(nameRelationship && segments[index - 1] === 'relationships' ? `${noun} relationship` : noun);
    }
  }
  return nouns;
}

function rootNames(version: string | undefined): OperationNames {
  if (version === undefined)
    return { operationId: 'getRoot', summary: 'Links to the APIs of the platform', tag: 'Root' };
  return { operationId: 'getV3Root', summary: 'Links to the resources of API v3', tag: 'Root' };
}

function isParameter(segment: string): boolean {
  return segment.startsWith(':') || segment === '*';
}

function words(segment: string): string {
  return segment.replaceAll(/[._-]/g, ' ');
}

function singular(text: string): string {
  if (text.endsWith('ies')) return `${text.slice(0, -3)}y`;
  if (/(ss|ch)es$/.test(text)) return text.slice(0, -2);
  return /[^s]s$/.test(text) ? text.slice(0, -1) : text;
}

function withArticle(noun: string): string {
  return `${/^[aeio]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function camel(text: string): string {
  return text.replaceAll(/ +(\w)/g, (_, letter: string) => letter.toUpperCase());
}
