import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { OciError } from '../errors.ts';
import { parseRegistrySettings } from './parse-settings.ts';
import type { RegistrySettings } from './registry-settings.ts';

/** The settings of a file, and what tells them from others. */
export interface LoadedSettings {
  readonly settings: RegistrySettings;
  /** Of the file and all files that it names. */
  readonly fingerprint: string;
}

/** A thousand registries with certificates of their own have less. */
const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Reads the registries settings from `file`; undefined when there is no such file. Paths in it are relative to its
 * directory; `onFile` hears of each, to watch it.
 *
 * @throws OciError REGISTRY_SETTINGS_INVALID
 */
export async function loadRegistrySettings(
  file: string,
  onFile: (path: string) => void = () => undefined,
): Promise<LoadedSettings | undefined> {
  const text = await readText(file).catch((error: NodeJS.ErrnoException) => {
    if (isMissing(error)) return undefined;
    throw new OciError('REGISTRY_SETTINGS_INVALID', `${file}: ${inWords(error)}`, { cause: error, details: { file } });
  });
  if (text === undefined) return undefined;
  const hash = createHash('sha256').update(text);
  const settings = await parseRegistrySettings(text, file, async (name) => {
    const path = resolve(dirname(file), name);
    onFile(path);
    try {
      const content = await readText(path);
      hash.update(`\0${path}\0${content}`);
      return content;
    } catch (error) {
      throw new Error(`${path}: ${inWords(error as NodeJS.ErrnoException)}`, { cause: error });
    }
  });
  return { settings, fingerprint: hash.digest('hex') };
}

async function readText(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > MAX_FILE_BYTES) {
    throw new Error(`it has ${size} bytes; at most ${MAX_FILE_BYTES} are read`);
  }
  return readFile(path, 'utf8');
}

function isMissing({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function inWords(error: NodeJS.ErrnoException): string {
  if (isMissing(error)) return 'there is no such file: create it, or correct the path';
  switch (error.code) {
    case 'EACCES':
      return `uid ${process.getuid?.()}, as which this process runs, may not read it: let it (chgrp and chmod g+r)`;
    case 'EISDIR':
      return 'it is a directory: expected a file';
    default:
      return `it cannot be read: ${error.message}`;
  }
}
