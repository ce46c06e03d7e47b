import type { Pool } from './pool.ts';
import { pathSegments, type RouteUri } from './route-uri.ts';

interface Node {
  pool: Pool | undefined;
  /** By path segment; undefined for nearly every host, which then costs a lookup no path work. */
  children: Map<string, Node> | undefined;
}

/** Routes by host and path segments. */
export class RouteTrie {
  readonly #hosts = new Map<string, Node>();

  get(uri: RouteUri): Pool | undefined {
    let node = this.#hosts.get(uri.host);
    for (const segment of uri.segments) node = node?.children?.get(segment);
    return node?.pool;
  }

  set(uri: RouteUri, pool: Pool): void {
    let node = getOrAdd(this.#hosts, uri.host);
    for (const segment of uri.segments) {
      node.children ??= new Map();
      node = getOrAdd(node.children, segment);
    }
    node.pool = pool;
  }

  delete(uri: RouteUri): void {
    const path: [Map<string, Node>, string, Node][] = [];
    let children: Map<string, Node> | undefined = this.#hosts;
    for (const key of [uri.host, ...uri.segments]) {
      const node: Node | undefined = children?.get(key);
      if (children === undefined || node === undefined) return;
      path.push([children, key, node]);
      children = node.children;
    }
    const last = path.at(-1)?.[2];
    if (last !== undefined) last.pool = undefined;
    for (const [siblings, key, node] of path.reverse()) {
      if (node.children?.size === 0) node.children = undefined;
      if (node.pool !== undefined || node.children !== undefined) return;
      siblings.delete(key);
    }
  }

  /**
   * The pool for a request. The longest registered path that is not empty of endpoints wins, segment by segment; only a
   * host without any match is looked for under wildcards, from the nearest to the outermost. When all that match are
   * empty, the deepest of those is returned.
   *
   * @param host as `hostKey` gives it
   * @param path of the request target, without the query
   */
  lookup(host: string, path: string): Pool | undefined {
    const exact = walk(this.#hosts.get(host), path);
    if (exact !== undefined) return exact;
    for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
      const found = walk(this.#hosts.get(`*${host.slice(dot)}`), path);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function walk(start: Node | undefined, path: string): Pool | undefined {
  if (start?.children === undefined) return start?.pool;
  let best = start.pool;
  let node: Node | undefined = start;
  for (const segment of pathSegments(path)) {
    node = node.children?.get(segment);
    if (node === undefined) break;
    const { pool } = node;
    if (pool !== undefined && (isServing(pool) || best === undefined || !isServing(best))) best = pool;
  }
  return best;
}

function isServing(pool: Pool): boolean {
  return pool.endpoints.length > 0;
}

function getOrAdd(nodes: Map<string, Node>, key: string): Node {
  let node = nodes.get(key);
  if (node === undefined) {
    node = { pool: undefined, children: undefined };
    nodes.set(key, node);
  }
  return node;
}
