/** For the staging log: why a build is not staged at once. `share`: its organization has as many under way as it may. */
export function describeWait(
  why: 'share' | 'places',
  limits: { readonly STAGER_CONCURRENCY: number; readonly STAGER_ORGANIZATION_CONCURRENCY: number },
): string {
  return why === 'share'
    ? `Waiting: ${limits.STAGER_ORGANIZATION_CONCURRENCY} builds of this organization are being staged, as many as may be at a time`
    : `Waiting: ${limits.STAGER_CONCURRENCY} builds are being staged, as many as may be at a time; each organization has its turn`;
}
