import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { flows } from '../flows/index.ts';
import { CommandReport } from './command-report.ts';
import type { FlowContext } from './command-runner.ts';
import { findClis } from './find-cli.ts';
import { makeRecording } from './make-recording.ts';
import { startPlatformForFlows } from './platform-for-flows.ts';
import { type CommandTrace, realCli } from './real-cli.ts';
import { type Recording, writeRecording } from './recording.ts';
import { runFlow } from './run-flow.ts';

/** How many flows go side by side: they mostly wait for the CLI's polling. */
const AT_A_TIME = 5;

/*
 * npm run record-cli [-- FLOW...]: runs the flows with the real CLI against a platform of its own, and writes what the CLI
 * sent to e2e/recordings. A flow in which anything fails is not written.
 */
const wanted = process.argv.slice(2);
const chosen = flows.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const { programs, missing } = await findClis(process.env);
for (const reason of missing) console.log(reason);
if (programs.size === 0 || chosen.length === 0) throw new Error('nothing to record: no cf CLI, or no such flow');

const platform = await startPlatformForFlows();
const report = new CommandReport();
const recorded = new Map<string, Recording>();
let failed = 0;
try {
  for (const program of programs.values()) {
    await mkdir(join(import.meta.dirname, '../../recordings', program.version), { recursive: true });
    const queue = [...chosen];
    const work = async (): Promise<void> => {
      for (let flow = queue.shift(); flow !== undefined; flow = queue.shift()) {
        const traces: CommandTrace[] = [];
        let last: FlowContext | undefined;
        const cli = realCli(program, (context, trace) => {
          last = context;
          traces.push(trace);
        });
        const started = performance.now();
        try {
          await runFlow(flow, cli, platform, { run: `rec${program.version}`, report });
          if (last === undefined) continue;
          const recording = makeRecording(program.description, last, traces);
          const same = recorded.get(flow.name);
          const isSame = same !== undefined && JSON.stringify(same.commands) === JSON.stringify(recording.commands);
          if (program.version === 'v8') recorded.set(flow.name, recording);
          await writeRecording(
            program.version,
            isSame ? { ...recording, header: { ...recording.header, sameAs: 'v8' } } : recording,
          );
          console.log(
            `${program.version} ${flow.name}: recorded in ${((performance.now() - started) / 1000).toFixed(1)} s`,
          );
        } catch (error) {
          failed++;
          console.log(
            `${program.version} ${flow.name}: not recorded\n${error instanceof Error ? error.message : String(error)}`,
          );
        }
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
  }
} finally {
  if (failed > 0) console.log(`What the platform said last:\n${platform.platform.output()}`);
  await platform.stop();
}
console.log(report.table([...programs.values()]));
process.exitCode = failed > 0 ? 1 : 0;
