import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { CliVersion } from './command-runner.ts';

/*
 * A recording is a file of JSON lines: a header, then each command of the flow, followed by the requests it led to. What
 * differs from run to run is a placeholder in braces: {run}, {platform}, {registry}, {$…} for passwords, and guids, which are
 * bound from an earlier answer (`bind`) or from the command's own arguments (`given`).
 */

const headerSchema = z.strictObject({
  /** Of the CLI that was recorded, as it says itself. */
  cli: z.string(),
  flow: z.string(),
  /** Sent with every request, where it does not say otherwise. */
  headers: z.record(z.string(), z.string()),
  /** This version sends exactly what that one does. */
  sameAs: z.enum(['v8']).optional(),
});

const commandSchema = z.strictObject({
  run: z.array(z.string()),
  as: z.string(),
  /** Placeholders of guids among the arguments. */
  given: z.array(z.string()).optional(),
});

const exchangeSchema = z.strictObject({
  /** `<METHOD> <path and query>`. */
  send: z.string(),
  /** What differs from the header's; null: is not sent. */
  headers: z.record(z.string(), z.string().nullable()).optional(),
  /** A string is sent as it is, anything else as JSON. */
  body: z.unknown().optional(),
  status: z.int(),
  /** What of the answer has to be so again. */
  answer: z.unknown().optional(),
  /** Placeholder to where in the answer its guid is. */
  bind: z.record(z.string(), z.string()).optional(),
});

export type RecordingHeader = z.output<typeof headerSchema>;
export type RecordedCommand = z.output<typeof commandSchema>;
export type RecordedExchange = z.output<typeof exchangeSchema>;

export interface Recording {
  readonly header: RecordingHeader;
  readonly commands: readonly (RecordedCommand & { readonly exchanges: readonly RecordedExchange[] })[];
}

const directory = join(import.meta.dirname, '../../recordings');
const fileOf = (version: CliVersion, flow: string): string => join(directory, version, `${flow}.jsonl`);

/** undefined when the flow was never recorded with that version. Throws when the file is not a recording. */
export async function readRecording(version: CliVersion, flow: string): Promise<Recording | undefined> {
  const text = await readFile(fileOf(version, flow), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const recording = parseRecording(text);
  if (recording.header.sameAs === undefined) return recording;
  const same = await readRecording(recording.header.sameAs, flow);
  if (same === undefined) throw new Error(`${fileOf(version, flow)} is the same as a recording that is not there`);
  return { header: { ...same.header, ...recording.header }, commands: same.commands };
}

/** Throws with the line that is wrong. */
export function parseRecording(text: string): Recording {
  const [first, ...rest] = text.split('\n').filter((line) => line !== '');
  if (first === undefined) throw new Error('the recording is empty');
  const commands: (RecordedCommand & { exchanges: RecordedExchange[] })[] = [];
  for (const [index, line] of rest.entries()) {
    const parsed = z.union([commandSchema, exchangeSchema]).safeParse(JSON.parse(line));
    if (!parsed.success) throw new Error(`line ${index + 2} of the recording: ${z.prettifyError(parsed.error)}`);
    if ('run' in parsed.data) commands.push({ ...parsed.data, exchanges: [] });
    else if (commands.length === 0) throw new Error(`line ${index + 2} of the recording: a request of no command`);
    else commands.at(-1)?.exchanges.push(parsed.data);
  }
  return { header: headerSchema.parse(JSON.parse(first)), commands };
}

export function formatRecording({ header, commands }: Recording): string {
  const lines: unknown[] = [header];
  if (header.sameAs === undefined) {
    for (const { exchanges, ...command } of commands) lines.push(command, ...exchanges);
  }
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

export async function writeRecording(version: CliVersion, recording: Recording): Promise<void> {
  await writeFile(fileOf(version, recording.header.flow), formatRecording(recording));
}
