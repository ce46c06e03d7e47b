import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** Stop everything once the app has answered. */
  readonly exit: boolean;
  /** Instead of the sample that the demo builds. */
  readonly image: string | undefined;
}

export const DEMO_USAGE = 'usage: npm run demo [-- [--exit] [--image REGISTRY/NAME:TAG]]';

/** Throws with the usage when an argument is not known. */
export function readDemoOptions(args: readonly string[]): DemoOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { exit: { type: 'boolean', default: false }, image: { type: 'string' } },
    });
    if (values.image === '') throw new Error('--image needs a reference');
    return { exit: values.exit, image: values.image };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${DEMO_USAGE}`);
  }
}

/** The app's name, and the first label of its host: the last word of the image's name. */
export function appNameOf(image: string | undefined): string {
  const name = image?.split('@')[0]?.split('/').at(-1)?.split(':')[0]?.toLowerCase() ?? 'demo';
  const label = name.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
  // Host labels have at most 63 characters (RFC 1035).
  return label.slice(0, 63).replace(/-+$/, '') || 'demo';
}
