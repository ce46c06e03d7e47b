import type { ExecutionMetadata } from '@slipway/contracts';

type ImageCommand = Pick<ExecutionMetadata, 'entrypoint' | 'cmd'>;

/**
 * What is executed: the user's command through the image's shell, else the image's ENTRYPOINT and CMD as they are
 * (dockerapplifecycle `launcher`). Empty when there is none of them.
 */
export function startArguments(command: string | null, image: ImageCommand): string[] {
  if (command !== null && command !== '') return ['/bin/sh', '-c', command];
  return [...image.entrypoint, ...image.cmd];
}

/** For display only, as Diego's builder joins it; quoting is lost. */
export function detectedCommand(image: ImageCommand): string {
  return [...image.entrypoint, ...image.cmd].join(' ');
}
