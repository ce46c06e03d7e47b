/** How the API's description names one endpoint. */
export interface OperationNames {
  readonly operationId: string;
  readonly summary: string;
  readonly tag: string;
}

/** Last parts of paths that end in s and still are one thing. */
const SINGLE = new Set(['stats', 'credentials', 'permissions', 'log_access', 'env', 'current', 'upload', '']);
const VERBS: Readonly<Record<string, string>> = { POST: 'create', PATCH: 'update', PUT: 'replace', DELETE: 'delete' };

/**
 * Names of an endpoint, from its method and Fastify's form of its path: `POST /v3/apps/:guid/actions/start` is
 * `startApp`, "Start an app", among "Apps".
 */
export function describeOperation(method: string, path: string): OperationNames {
  const segments = path.split('/').filter((segment) => segment !== '');
  const version = segments[0] === 'v3' ? segments.shift() : undefined;
  if (segments.length === 0) return rootNames(version);
  const tag = sentence(words(segments[0] ?? ''));
  const nouns: string[] = [];
  let verb: string | undefined;
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1];
    if (isParameter(segment) || segment === 'relationships' || segments[index - 1] === 'actions') continue;
    if (segment === 'actions') verb = words(next ?? '');
    else {
      const noun = next !== undefined && isParameter(next) ? singular(words(segment)) : words(segment);
      nouns.push(segments[index - 1] === 'relationships' ? `${noun} relationship` : noun);
    }
  }
  const last = segments.at(-1) ?? '';
  const many = !isParameter(last) && segments.at(-2) !== 'relationships' && last.endsWith('s') && !SINGLE.has(last);
  verb ??= method === 'GET' ? (many ? 'list' : 'get') : (VERBS[method] ?? method.toLowerCase());
  // What is made in a collection is one of it.
  if (verb === 'create' && many) nouns.push(singular(nouns.pop() ?? ''));
  const owners = nouns.slice(0, -1).reverse().map(withArticle);
  const one = isParameter(last) || segments.includes('actions') || (verb === 'create' && many);
  const thing = one ? withArticle(nouns.at(-1) ?? '') : (nouns.at(-1) ?? '');
  return {
    operationId: camel([verb, ...nouns].join(' ')),
    summary: sentence([`${verb} ${thing}`, ...owners].join(' of ')),
    tag,
  };
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
  if (text.endsWith('sses')) return text.slice(0, -2);
  return text.endsWith('s') ? text.slice(0, -1) : text;
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
