/** Keeps a cache bounded: drops entries in the order of their insertion. */
export function evictOldest<K>(cache: Map<K, unknown>, limit: number): void {
  for (const key of cache.keys()) {
    if (cache.size <= limit) {
      return;
    }
    cache.delete(key);
  }
}
