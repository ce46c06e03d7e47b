import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { OciError } from '../errors.ts';
import { parseRegistrySettings } from './parse-settings.ts';
import type { RegistrySettings } from './registry-settings.ts';

/** The settings of a file, and all that they were made of. */
export interface LoadedSettings {
  readonly settings: RegistrySettings;
  /** The files that the settings name, absolute. */
  readonly files: readonly string[];
}

/** A thousand registries with certificates of their own have less. */
const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Reads the registries settings from `file`; undefined when there is no such file. Paths in it are relative to its
 * directory.
 *
 * @throws OciError REGISTRY_SETTINGS_INVALID
 */
export async function loadRegistrySettings(file: string): Promise<LoadedSettings | undefined> {
  const text = await readText(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw new OciError('REGISTRY_SETTINGS_INVALID', `${file}: ${inWords(error)}`, { cause: error, details: { file } });
  });
  if (text === undefined) return undefined;
  const files = new Set<string>();
  const settings = await parseRegistrySettings(text, file, async (name) => {
    const path = resolve(dirname(file), name);
    files.add(path);
    try {
      return await readText(path);
    } catch (error) {
      throw new Error(`${path}: ${inWords(error as NodeJS.ErrnoException)}`, { cause: error });
    }
  });
  return { settings, files: [...files] };
}

async function readText(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > MAX_FILE_BYTES) {
    throw new Error(`it has ${size} bytes; at most ${MAX_FILE_BYTES} are read`);
  }
  return readFile(path, 'utf8');
}

function inWords(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such file: create it, or correct the path';
    case 'EACCES':
      return `it may not be read by uid ${process.getuid?.() ?? '?'}, as which this process runs: let it read the file (chgrp, chmod g+r)`;
    case 'EISDIR':
      return 'it is a directory: expected a file';
    default:
      return `it cannot be read: ${error.message}`;
  }
}
