import { repositoryRoot } from '../process/repository-root.ts';
import { checks } from './checks.ts';
import { type CheckResult, runChecks } from './run-checks.ts';

const stopped = new AbortController();
process.once('SIGINT', () => stopped.abort());
process.once('SIGTERM', () => stopped.abort());

const width = Math.max(...checks.map((check) => check.name.length));
const line = (result: CheckResult): string =>
  `${result.passed ? 'ok  ' : 'FAIL'}  ${result.name.padEnd(width)}  ${result.seconds.toFixed(1).padStart(5)} s`;

const started = performance.now();
const results = await runChecks(checks, repositoryRoot, (result) => console.log(line(result)), stopped.signal);
const failures = results.filter((result) => !result.passed);
for (const failure of failures) {
  console.log(`\n--- ${failure.name}: ${failure.command}\n${failure.output}`);
}
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`\n${results.length - failures.length} checks passed, ${failures.length} failed, in ${seconds} s`);
process.exitCode = stopped.signal.aborted ? 130 : failures.length > 0 ? 1 : 0;
