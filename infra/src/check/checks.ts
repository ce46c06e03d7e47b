/** One tool of `npm run check`: its name in the summary and the command, run at the root of the repository. */
export interface Check {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

/** What depcruise looks at. */
export const cruisedFolders: readonly string[] = ['packages', 'services', 'infra', 'e2e', 'bench'];

/** All checks. They only read (tsc writes its own .tsbuild), so they run side by side. */
export const checks: readonly Check[] = [
  { name: 'format and style', command: 'biome', args: ['check', '--error-on-warnings', '--max-diagnostics=50', '.'] },
  { name: 'promises and domain purity', command: 'oxlint', args: ['--type-aware', '--deny-warnings'] },
  { name: 'types', command: 'tsc', args: ['-b', '--pretty', 'false'] },
  {
    name: 'dependency rules',
    command: 'depcruise',
    args: ['--config', '.dependency-cruiser.mjs', '--output-type', 'err-long', ...cruisedFolders],
  },
  { name: 'dead code', command: 'knip', args: ['--no-progress', '--no-config-hints'] },
];
