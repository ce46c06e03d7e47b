let last: Promise<void> = Promise.resolve();

/**
 * Resolves in a turn of the event loop that nobody else gets. Whatever calls the kernel for tens of milliseconds (removing
 * a link, a mount or a cgroup waits for all processors) asks for one before: when hundreds of containers go at once, the
 * rest of the process has its turns between them.
 */
export async function loopTurn(): Promise<void> {
  last = last.then(async () => await new Promise<void>((resolve) => setImmediate(resolve)));
  await last;
}
